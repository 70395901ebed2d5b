"""Commands where one file is damaged or strange: an exit code of ours, no traceback, nothing touched outside."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from data_versioning.cli import handoff, main
from tests.fuzz.mutate import mutated
from tests.fuzz.subjects import CODE, SUBJECTS
from tests.fuzz.test_formats import limited
from tests.oracle import Entry, Sandbox, copy_repository, snapshot

SHORT, LONG = 400, 6000
SECRET = "hunter2hunter2"
CODES = {0, 1, 251, 253, 254, 255}

PIPELINE = b"""\
vars: [params.yaml]
metrics: [m.json]
plots: [m.json, p.csv, {both: {x: a, y: {p.csv: [a, b], m.json: x}}}]
stages:
  train:
    cmd: train ${lr}
    deps: [data.csv, tree]
    params: [lr, code.py: [X]]
    outs: [model]
    metrics: [m.json: {cache: false}]
  each: {foreach: [a, b], do: {cmd: 'e ${item}', outs: ['${item}.txt']}}
"""
LOCK = b"""\
schema: '2.0'
stages:
  train:
    cmd: train 1
    deps:
    - {path: data.csv, hash: md5, md5: d41d8cd98f00b204e9800998ecf8427e, size: 3}
    params: {params.yaml: {lr: 1}, code.py: {X: 1}}
    outs:
    - {path: model, hash: md5, md5: d41d8cd98f00b204e9800998ecf8427e, size: 1}
"""
CONFIG = f"""\
[core]
    remote = store
['remote "store"']
    url = ../../store
['remote "http"']
    url = https://example.org/x
    password = {SECRET}
    user = ada
"""
READING = (
    ("status",), ("status", "--json"), ("data", "status", "--granular"), ("config", "--list"), ("remote",
    "list"),
    ("cache", "dir"), ("log", "-v"), ("log", "--verify"), ("log", "--json"), ("version",), ("root",),
    ("fsck",),
    ("config", "core.remote"), ("push", "--dry-run"), ("gc", "-w", "--dry"),
    ("metrics", "show"), ("metrics", "diff", "--json"), ("metrics", "history"), ("params", "diff", "--json"),
    ("plots", "show", "--json"), ("plots", "diff", "--json", "--split"),
)  # fmt: skip
WRITING = (
    ("add", "tree"), ("add", "tree/b"), ("add", "new.csv"), ("commit", "-f"), ("checkout", "-f"),
    ("checkout", "--relink"),
    ("remove", "data.csv.dvc"), ("remove", "train"), ("gc", "-w", "-f"), ("gc", "-A", "-f"), ("push",),
    ("push", "--run-cache"),
    ("pull", "-f"), ("fetch", "-A"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """A file to damage: the format it has, and whether what it says may send data elsewhere (as DVC lets it)."""

    path: str
    subject: str
    names_places: bool = False


TARGETS = (
    Target("data.csv.dvc", "dvc file"), Target("tree.dvc", "dvc file"), Target("dvc.yaml", "dvc.yaml"),
    Target("dvc.lock", "dvc.lock"), Target("params.yaml", "params.yaml"), Target("code.py", "params.py"),
    Target("m.json", "params.json"), Target("p.csv", "params.json"),
    Target(".dvc/config", "config", True), Target(".dvc/config.local", "config", True),
    Target(".dvcignore", "dvcignore"), Target("sub/.dvcignore", "dvcignore"), Target(".gitignore",
    "dvcignore"),
    Target(".dvc/tmp/rwlock", "rwlock"), Target(".dvc/tmp/lock", "rwlock"),
    Target(".git/dv/log/events.jsonl", "operation log"),
    Target(".dvc/tmp/dv/settings", "disposable"), Target(".dvc/tmp/dv/project", "disposable"),
    Target(".dvc/tmp/dv/key", "disposable"), Target(".dvc/tmp/dv/stat/files", "disposable"),
    Target(".dvc/cache/runs/aa/" + 64 * "a" + "/" + 64 * "0", "dvc.lock"), Target("<listing>", "listing"),
)  # fmt: skip


def fifo(path: str, _outside: str) -> None:
    os.mkfifo(path)


def endless(path: str, _outside: str) -> None:
    os.symlink("/dev/zero", path)


def loop(path: str, _outside: str) -> None:
    os.symlink(os.path.basename(path), path)


def link(path: str, outside: str) -> None:
    os.symlink(f"{outside}/precious", path)


def dangling(path: str, outside: str) -> None:
    os.symlink(f"{outside}/made", path)


def directory(path: str, _outside: str) -> None:
    os.mkdir(path)


def listening(path: str, _outside: str) -> None:
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(os.path.dirname(path)):
        server.bind(os.path.basename(path))


GIT_KINDS: tuple[Callable[[str, str], None], ...] = (
    loop,
    link,
    dangling,
    directory,
)  # Git waits for the others
KINDS = (*GIT_KINDS, fifo, endless, listening)


@dataclass(frozen=True, slots=True)
class World:
    """A directory with a repository, a remote, and what belongs to somebody else."""

    template: Path
    place: Path

    @property
    def repo(self) -> Path:
        return self.place / "repo"

    def renew(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.template, self.place, symlinks=True)

    def outside(self) -> dict[str, Entry]:
        found = snapshot(self.place, private=("repo", "store"))
        return {name: Entry(entry.kind, entry.mode, entry.content) for name, entry in found.items()}

    def file(self, target: Target) -> Path:
        if target.path != "<listing>":
            return self.repo / target.path
        return next((self.repo / ".dvc/cache/files/md5").rglob("*.dir"))


def run(*argv: str) -> tuple[int, str]:
    """The exit code and everything printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), limited():
        code = main.main(list(argv))
    return code, out.getvalue()


@pytest.fixture(scope="module")
def world(sandbox: Sandbox, template: Path) -> World:
    place = sandbox.base / "fuzz-template"
    repo = copy_repository(template, place / "repo")
    (place / "store").mkdir()
    (place / "precious").write_text(f"{SECRET}\n")
    (place / "lock").write_text("not a lock\n")
    content = {
        "data.csv": b"1,2\n", "tree/a": b"a", "tree/b": b"b", "tree/c/d": b"d", "new.csv": b"new",
        "model": b"",
        "params.yaml": b"lr: 1\n", "code.py": CODE, ".dvcignore": b"*.tmp\n", "sub/.dvcignore": b"x\n",
        "m.json": b"{}", "p.csv": b"a,b\n1,2\n",
        ".dvc/config.local": b"[core]\n    checksum_jobs = 1\n", ".dvc/config": CONFIG.encode(),
    }  # fmt: skip
    for name, raw in content.items():
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_bytes(raw)
    with pytest.MonkeyPatch.context() as patch:
        enter(patch, sandbox, repo)
        assert run("add", "data.csv", "tree")[0] == 0
        (repo / "dvc.yaml").write_bytes(PIPELINE)
        (repo / "dvc.lock").write_bytes(LOCK)
        assert run("push")[0] in (0, 1)  # the model is in no cache
        sandbox.git(repo, "add", "-A")
        sandbox.git(repo, "commit", "-qm", "data")
    return World(place, sandbox.base / "fuzz")


def enter(patch: pytest.MonkeyPatch, sandbox: Sandbox, repo: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("GIT_", "DVC_"))]:
        patch.delenv(name)
    for name, value in sandbox.environment().items():
        patch.setenv(name, value)
    patch.setenv("DV_LOCK_TIMEOUT", "0.1")
    patch.setenv("DV_DURABILITY", "process")
    patch.chdir(repo)
    patch.setattr(handoff, "run", lambda _: 0)


def check(world: World, target: Target, argv: tuple[str, ...], before: dict[str, Entry]) -> None:
    code, said = run(*argv)
    assert code in CODES, said
    assert "Traceback" not in said or "-v" in argv, said
    assert "unexpected error" not in said.lower(), said
    if argv[0] != "config":
        assert SECRET not in said, said
    assert code == 0 or argv[0] == "root" or "--json" in argv or "\n  " in said or "ERROR" not in said, said
    after = world.outside()
    assert {name: after.get(name) for name in before} == before
    if not target.names_places:
        assert after.keys() == before.keys()


def campaign(world: World, sandbox: Sandbox, numbers: range) -> None:
    world.renew()
    before = world.outside()
    for number in numbers:
        random = Random(number)
        target = random.choice(TARGETS)
        argv = random.choice(READING if target.names_places else READING + WRITING)
        world.renew()
        with pytest.MonkeyPatch.context() as patch:
            enter(patch, sandbox, world.repo)
            if random.random() < 0.7:
                run("status")  # so that there is something kept
            path = world.file(target)
            path.parent.mkdir(parents=True, exist_ok=True)
            good = [path.read_bytes()] if path.exists() else []
            path.unlink(missing_ok=True)
            how: object = None
            if random.random() < 0.25:
                how = random.choice(KINDS if target.path != ".gitignore" else GIT_KINDS)
                how(str(path), str(world.place))
            else:
                how = mutated([*good, *SUBJECTS[target.subject].samples], random)
                path.write_bytes(how)
            try:
                check(world, target, argv, before)
            except BaseException as error:
                error.add_note(f"number {number}: dv {' '.join(argv)} with {target.path} = {how!r}")
                raise


def test_commands(world: World, sandbox: Sandbox) -> None:
    campaign(world, sandbox, range(SHORT))


@pytest.mark.soak
def test_commands_at_length(world: World, sandbox: Sandbox) -> None:
    campaign(world, sandbox, range(SHORT, LONG))
