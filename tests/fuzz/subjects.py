"""What is read from files and programs: for each format good samples, and what the commands do with the text."""

from __future__ import annotations

import json
import marshal
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_versioning.errors import GitError
from data_versioning.eventlog import chain
from data_versioning.eventlog.local_log import FILE as LOG
from data_versioning.eventlog.local_log import Log
from data_versioning.formats import config, configtext, dirfile, dvcfile, lockfile, values
from data_versioning.formats import config_schema as schema
from data_versioning.git import history
from data_versioning.localfs import disposable, rwlock
from data_versioning.paths import RepoPath
from data_versioning.pipeline import staleness
from data_versioning.pipeline.load import load
from data_versioning.pipeline.project import Project
from data_versioning.workspace.ignore import IgnoreRules

GOLDEN = max(Path(__file__).parent.parent.joinpath("golden").glob("dvc-*"))


@dataclass(frozen=True, slots=True)
class Subject:
    """One format: `feed` reads what the commands would, and does with it what they do."""

    samples: Sequence[bytes]
    feed: Callable[[bytes], object]


class Files:
    """A source in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def read(self, path: RepoPath) -> bytes:
        if path not in self._files:
            raise FileNotFoundError(path)
        return self._files[path]

    def exists(self, path: RepoPath) -> bool:
        return path in self._files

    def walk(self) -> Iterator[RepoPath]:
        return map(RepoPath, sorted(self._files))


PIPELINE = b"""\
vars: [params.yaml, {models: {a: 1, b: [x, y]}, name: n}]
params: [params.yaml]
metrics: [m.json]
plots: [p.csv, {p.csv: {x: a, y: {p.csv: [b, c]}, title: t}}]
artifacts: {best: {path: model, type: m, labels: [l], meta: {k: v}, desc: d}}
stages:
  all:
    wdir: ${dir}
    cmd: ['run ${name} ${train}', 'b \\${x}']
    deps: [data, '${models.b[0]}', s3://b/k, ../out]
    params: [lr, other.json: [a.b, c], whole.toml:, code.py: [X]]
    outs: [out: {cache: false, persist: true, remote: r, desc: d, type: t, labels: [l], meta: {a: 1}, push: false}]
    metrics: [m.json: {cache: false}]
    plots: [p.csv: {x: a, y: b, template: linear, header: false}]
    frozen: false
    always_changed: true
  each: {foreach: '${train}', do: {cmd: 'e ${key}', deps: ['${key}.in'], outs: ['${key}.txt']}}
  grid: {matrix: {a: [1, 2], b: '${models.b}'}, cmd: 'g ${item.a} ${item.b} ${key}', outs: ['${item.a}-${item.b}']}
"""
LOCK = b"""\
schema: '2.0'
stages:
  all:
    cmd: [run n, 'b ${x}']
    deps:
    - {path: data, hash: md5, md5: d41d8cd98f00b204e9800998ecf8427e, size: 3}
    - {path: s3://b/k, etag: tag, version_id: v, size: 3}
    - {path: ds://x, dataset: {name: x, lock: {version: 1}}}
    params: {params.yaml: {lr: 0.001}, other.json: {a.b: [1, 2.5, null], c: x}, whole.toml: {a: 1}, code.py: {X: 1}}
    outs:
    - path: out
      files: [{relpath: a, md5: d41d8cd98f00b204e9800998ecf8427e, size: 1}]
    - {path: m.json, hash: md5, md5: d41d8cd98f00b204e9800998ecf8427e.dir, size: 1, nfiles: 1, isexec: true}
  each@epochs:
    cmd: e epochs
    outs: [{path: epochs.txt, md5: d41d8cd98f00b204e9800998ecf8427e, cloud: {r: {etag: tag}}}]
"""
PARAMS = b"dir: work\nlr: 0.001\ntrain: {epochs: 10, layers: [64, 32], name: 'on', big: 1e3, none: }\n"
OTHER = b'{"a": {"b": [1, 2.5, null]}, "c": "x"}'
TOML = b'a = 1\nb = "x"\n[t]\nd = 2001-01-01\nl = [1, [2.5, "y"]]\n[[u]]\nk = {z = true}\n'
CODE = b"""\
X = 1
Y: float = 1e-3
class T(Base):
    L = [1, (2, 'a')]
    def __init__(self):
        self.m = {'k': -1}
"""
IMPORT = b"""\
md5: 5c0bcb2f3bd6a9cd1ed15bc8b1ea2ad8
frozen: true
desc: text
wdir: sub
deps:
- path: get-started/data.xml
  fs_config: {a: b}
  repo:
    url: https://github.com/iterative/dataset-registry
    rev: main
    rev_lock: f31f5c4cdae787b4bdeb97a717687d44667d9e62
    config: {a: b}
outs:
- md5: 22a1a2931c8370d3aeedd7183606fd7f
  size: 14445097
  hash: md5
  path: data.xml
  cloud: {s3: {etag: abc, version_id: v, size: 3}}
  meta: {a: [1, {b: 2001-01-01}]}
  labels: [x]
"""
FILES = b"""\
outs:
- path: d
  hash: md5
  files:
  - {relpath: a/b, md5: d41d8cd98f00b204e9800998ecf8427e, size: 1, isexec: true}
  - {relpath: c, cloud: {s3: {etag: tag, version_id: v, size: 3}}}
  fs_config: {k: v}
"""
POINTERS = [path.read_bytes() for path in sorted(GOLDEN.glob("*.dvc"))] + [IMPORT, FILES]
_PROJECT = {
    "dvc.yaml": PIPELINE,
    "dvc.lock": LOCK,
    "params.yaml": PARAMS,
    "work/other.json": OTHER,
    "work/whole.toml": TOML,
    "work/code.py": CODE,
    "work/params.yaml": PARAMS,
}


def _use(project: Project, read_params: Callable[[str], Mapping[str, object] | None]) -> None:
    """Keep the project compiled, take it back, compare it and print that as JSON."""
    again = Project.unpack(marshal.loads(marshal.dumps(project.pack())))
    json.dumps(
        staleness.status(
            again.select_stages(()),
            current_hash=lambda *_: None,
            is_cached=lambda *_: True,
            read_params=read_params,
        )
    )


def _project(name: str) -> Callable[[bytes], object]:
    def feed(raw: bytes) -> None:
        files = Files(_PROJECT | {name: raw})

        def read_params(place: str) -> Mapping[str, object] | None:
            try:
                text = files.read(RepoPath(place)).decode()
            except (FileNotFoundError, UnicodeDecodeError):
                return None
            found = values.parse(text, suffix=os.path.splitext(place)[1], file=place)
            return found if isinstance(found, Mapping) else {}

        _use(load(files), read_params)

    return feed


def _pointer(raw: bytes) -> None:
    _use(load(Files({"sub/x.dvc": raw})), lambda _: None)
    text = raw.decode()
    parsed = dvcfile.parse(text, file="x.dvc")
    assert dvcfile.parse(dvcfile.dump(parsed), file="x.dvc").outs is not None
    dvcfile.update(text, parsed, file="x.dvc")


def _lock(raw: bytes) -> None:
    _project("dvc.lock")(raw)
    text = raw.decode()
    for name, stage in lockfile.parse(text, file="dvc.lock").items():
        lockfile.update(text, name, stage, file="dvc.lock")
        lockfile.remove(text, name, file="dvc.lock")
        break


def _config(raw: bytes) -> None:
    text = raw.decode(errors="replace")
    sections = config.read(text, file=".dvc/config")
    resolved = config.resolve_paths(sections, "/repo/.dvc")
    settings = config.merge(
        [
            ("global", {'remote "cloud"': {"url": "s3://b"}}),
            ("repo", resolved),
            ("local", {"core": {"autostage": "true"}}),
        ]
    )
    marshal.dumps(settings.pack())
    changed = configtext.edit(text, "core", "remote", "x", file=".dvc/config")
    assert config.read(changed, file=".dvc/config")["core"]["remote"] == "x"
    configtext.rename_section(text, schema.named("remote", "storage"), schema.named("remote", "new"))
    configtext.edit(text, "core", "remote", None)


def _params(suffix: str) -> Callable[[bytes], object]:
    def feed(raw: bytes) -> None:
        found: Any = values.parse(raw.decode(errors="replace"), suffix=suffix, file=f"params{suffix}")
        keys = [str(key) for key in found] if isinstance(found, dict) else []
        for key in keys[:5]:
            with suppress(KeyError):
                values.lookup(found, key + ".0")

    return feed


_BOARD = tempfile.TemporaryDirectory(
    prefix="dv-fuzz-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None
)


def _put(name: str, raw: bytes) -> str:
    path = os.path.join(_BOARD.name, name)
    Path(path).write_bytes(raw)
    return path


def _ignore(raw: bytes) -> None:
    _put(".dvcignore", raw)
    rules = IgnoreRules.load(_BOARD.name, [".dvcignore"])
    rules.filter(["a", "a/b", "a.log", "data/x/y.csv", "a" * 200, "é\udcff/b"])
    rules.matches("data/tmp", is_dir=True)


def _rwlock(raw: bytes) -> None:
    _put("rwlock", raw)
    with rwlock.hold(_BOARD.name, command="dv add", read=["/r/a"], write=["/r/b"], timeout=0):
        pass


def _log(raw: bytes) -> None:
    _put(LOG, raw)
    log = Log(directory=_BOARD.name)
    log.verify()
    log.last()
    log.append({"verb": "add"})
    assert [event.record.get("verb") for event in log.read()][-1] == "add"


def _disposable(raw: bytes) -> None:
    """Damage behind a good key: what a stopped machine leaves. It must read as absent or as what was kept."""
    path = os.path.join(_BOARD.name, "kept")
    disposable.keep(path, _KEPT)
    good = Path(path).read_bytes()
    Path(path).write_bytes(good[: len(good) - len(_PACKED)] + raw)
    assert disposable.load(path) in (None, _KEPT)
    Path(path).write_bytes(raw)
    assert disposable.load(path) is None


_KEPT = (1, "text", {"a": (1, 2.5, b"bytes", None)}, [True, frozenset({"x"})])
_PACKED = marshal.dumps(_KEPT)


def _listing(raw: bytes) -> None:
    paths, digests = dirfile.load(raw, file="x.dir")
    [os.fsencode(path) for path in paths]
    dirfile.dump(paths, digests)


def _events() -> bytes:
    lines, last = [], None
    for verb in ("init", "add", "gc"):
        record = {
            "verb": verb,
            "argv": ["dv", verb],
            "time": "2025-01-01T00:00:00.000Z",
            "pointers": [["a.dvc", None, "0" * 32]],
        }
        last, line = chain.seal(record, after=last)
        lines.append(line)
    return b"".join(lines)


def _git(raw: bytes) -> None:
    """What `ls-tree -z`, `cat-file --batch` and `diff-tree -z` print, or what a broken Git would."""
    for parse in (
        lambda: history._listed(raw, ("",)),
        lambda: list(history._contents(raw, [SHA, "HEAD:x"])),
        lambda: list(history._changes(raw)),
    ):
        try:
            parse()
        except GitError as error:
            assert error.hint


SHA = "0123456789abcdef0123456789abcdef01234567"
SUBJECTS: dict[str, Subject] = {
    "dvc file": Subject(POINTERS, _pointer),
    "dvc.yaml": Subject(
        [(GOLDEN / "dvc.yaml").read_bytes(), PIPELINE, PIPELINE, PIPELINE], _project("dvc.yaml")
    ),
    "dvc.lock": Subject([(GOLDEN / "dvc.lock").read_bytes(), LOCK, LOCK], _lock),
    "listing": Subject([path.read_bytes() for path in sorted(GOLDEN.glob("dir/*"))], _listing),
    "config": Subject([(GOLDEN / name).read_bytes() for name in ("config", "config.local")], _config),
    "dvcignore": Subject([b"# c\n*.log\n!keep.log\n/data/**/tmp/\na[!b]*.c?v\n\\#x\nb\\ c\n**/y\n"], _ignore),
    "params.yaml": Subject([PARAMS], _project("params.yaml")),
    "params.json": Subject([OTHER], _project("work/other.json")),
    "params.toml": Subject([TOML], _project("work/whole.toml")),
    "params.py": Subject([CODE], _project("work/code.py")),
    "rwlock": Subject(
        [
            json.dumps(
                {"write": {"/r/z": {"pid": 1, "cmd": "x"}}, "read": {"/r/c": [{"pid": 2**22, "cmd": "y"}]}}
            ).encode()
        ],
        _rwlock,
    ),
    "operation log": Subject([_events()], _log),
    "Git output": Subject(
        [
            f"100644 blob {SHA}\ta.dvc\0120000 blob {SHA}\tb\0160000 commit {SHA}\td/c\0".encode(),
            b"blob 4\nabc\n\nHEAD:x missing\n",
            f":100644 100755 {SHA} {SHA} M\0a.dvc\0:000000 100644 {SHA} {SHA} A\0é.dvc\0".encode(),
        ],
        _git,
    ),
    "disposable": Subject([_PACKED], _disposable),
}
