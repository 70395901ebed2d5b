""".dvc files: what the real DVC reads and writes, in the same process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.dvcfile import SingleStageFile
from dvc.repo import Repo
from dvc.stage.serialize import to_single_stage_file
from dvc.stage.utils import compute_md5
from dvc.utils.serialize import dumps_yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_versioning.errors import FormatError
from data_versioning.formats import checksums, dvcfile
from data_versioning.formats.dvcfile import DvcFile, Output

# DVC writes these so that they read back as something else.
NO_SEPARATORS = st.characters(blacklist_characters="\x85\u2028\u2029", blacklist_categories=["Cs"])
MD5 = "37b51d194a7513e45b56f6524f2d51f2"


@pytest.fixture(scope="module")
def repo() -> Iterator[Repo]:
    """A real DVC repository without Git."""
    with tempfile.TemporaryDirectory(prefix="dvcfile-") as base:
        os.environ["DVC_SITE_CACHE_DIR"] = f"{base}/site"
        os.mkdir(f"{base}/repo")
        with Repo.init(f"{base}/repo", no_scm=True) as repo:
            yield repo


def dvc_stage(repo: Repo, text: str) -> Any:
    path = os.path.join(repo.root_dir, "x.dvc")
    Path(path).write_text(text, encoding="utf-8")
    return SingleStageFile(repo, path).stage


NAMES = st.one_of(
    st.from_regex(r"[a-z]{1,5}(/[a-z.-]{1,4}[a-z])?", fullmatch=True),
    st.text(
        st.characters(blacklist_characters="/\0\\\x85\u2028\u2029", blacklist_categories=["Cs"]),
        min_size=1,
        max_size=12,
    ).filter(lambda name: name.strip(". ") == name and "://" not in name and not name.startswith("~")),
    st.sampled_from(
        ["- x", "a: b", "#x", "'q'", "two  words", "x" * 100, "word " * 20 + "x", "1e3", "true", "null"]
    ),
)
DIGESTS = st.one_of(
    st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    st.from_regex(r"[0-9]{10}e[0-9]{21}", fullmatch=True),
    st.just("1" * 32),
)
TEXTS = st.one_of(
    st.from_regex(r"[a-z ]{1,20}[a-z]", fullmatch=True), st.text(NO_SEPARATORS, min_size=1, max_size=20)
)
METAS = st.one_of(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,4}", fullmatch=True),
        st.one_of(st.integers(), st.booleans(), TEXTS),
        min_size=1,
    ),
    st.lists(TEXTS, min_size=1, max_size=2),
)


@st.composite
def outputs(draw: st.DrawFn) -> Output:
    is_dir = draw(st.booleans())
    is_cloud = draw(st.integers(0, 4)) == 0
    return Output(
        path=draw(NAMES),
        md5=draw(DIGESTS) + (".dir" if is_dir else ""),
        size=draw(st.none() | st.integers(0, 10**13)),
        nfiles=draw(st.none() | st.integers(1, 10**6)) if is_dir else None,
        isexec=draw(st.booleans()) and not is_dir,
        hash=draw(st.sampled_from(["md5", "md5", None])),
        etag=draw(st.none() | st.just('"AbC"')) if is_cloud else None,
        version_id=draw(st.none() | st.just("v1")) if is_cloud else None,
        cloud=None,
        cache=draw(st.booleans()),
        persist=draw(st.booleans()),
        push=draw(st.booleans()),
        remote=draw(st.none() | st.just("storage")),
        desc=draw(st.none() | TEXTS),
        type=draw(st.none() | TEXTS),
        labels=tuple(draw(st.lists(TEXTS, max_size=2))),
        meta=draw(st.none() | METAS),
    )


@st.composite
def files(draw: st.DrawFn) -> DvcFile:
    return DvcFile(
        outs=(draw(outputs()),),
        desc=draw(st.none() | TEXTS),
        frozen=draw(st.booleans()),
        always_changed=draw(st.booleans()),
        meta=draw(st.none() | METAS),
    )


@settings(max_examples=150)
@given(files())
@example(DvcFile(outs=(Output(path="data", md5=f"{MD5}.dir", size=6, nfiles=2),)))
def test_new_file_is_what_dvc_writes(repo: Repo, parsed: DvcFile) -> None:
    text = dvcfile.dump(parsed)
    assert dvcfile.parse(text, file="x.dvc") == parsed
    assert dumps_yaml(dvc_stage(repo, text).dumpd()) == text


@settings(max_examples=100)
@given(files(), files())
def test_update_is_what_dvc_writes(repo: Repo, before: DvcFile, after: DvcFile) -> None:
    text = f"# comment\n{dvcfile.dump(before)}# end\n"
    stage = dvc_stage(repo, dvcfile.dump(after))
    stage._stage_text = text
    assert dvcfile.update(text, after) == dumps_yaml(to_single_stage_file(stage))


ENTRIES = [
    f"deps:\n- md5: {MD5}\n  size: 3\n  hash: md5\n  path: /outside/data.csv\n",
    f"deps:\n- md5: {MD5}\n  size: 3\n  path: inside.csv\n",
    "deps:\n- checksum: '\"6af9-abc\"'\n  size: 14\n  hash: md5\n  path: https://example.org/x\n",
    "deps:\n- checksum: abc\n  hash: md5\n  path: https://example.org/x\n  fs_config:\n    jobs: 3\n",
    "deps:\n- path: data\n  repo:\n    url: https://example.org/r\n    rev: main\n    rev_lock: abcdef\n",
    "deps:\n- path: data\n  repo:\n    url: ../r\n    config: {core: {remote: x}}\n    remote: y\n",
    "deps:\n- db:\n    query: select 1\n    connection: pg\n    file_format: csv\n",
    "wdir: ..\n",
    "wdir: ./\n",
    "locked: true\n",
    "frozen: false\n",
    "deps:\n",
    "deps: []\n",
    "meta:\n  a: 1\ndesc: hi\nalways_changed: true\n",
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_stage_md5_and_text_are_those_of_dvc(repo: Repo, entry: str) -> None:
    text = f"{entry}outs:\n- md5: {MD5}\n  size: 3\n  isexec: true\n  hash: md5\n  path: out.csv\n"
    if "wdir: .." in entry:
        text = text.replace("out.csv", os.path.basename(repo.root_dir) + "/out.csv")
    stage = dvc_stage(repo, text)
    parsed = dvcfile.parse(text, file="x.dvc")
    assert dvcfile.stage_checksum(parsed) == compute_md5(stage)
    assert dvcfile.dump(parsed) == dumps_yaml(stage.dumpd())
    assert dvcfile.update(text, parsed) == dumps_yaml(to_single_stage_file(stage))


def test_known_stage_md5() -> None:
    stage = {
        "md5": "123456",
        "cmd": "mycmd",
        "outs": [{"path": "a", "md5": "123456789"}],
        "deps": [{"path": "b", "md5": "987654321"}],
    }
    assert checksums.stage_checksum(stage) == "e9521a22111493406ea64a88cda63e0b"
    assert checksums.stage_checksum({**stage, "wdir": "."}) == "e9521a22111493406ea64a88cda63e0b"
    assert checksums.stage_checksum({**stage, "wdir": ".."}) == "2ceba15e87f6848aa756502c1e6d24e9"


def test_legacy_entry() -> None:
    (out,) = dvcfile.parse(f"outs:\n- md5: {MD5}\n  path: a\n", file="x").outs
    assert out.is_legacy and out.hash is None and out.digest == MD5
    assert "hash" not in dvcfile.dump(DvcFile(outs=(out,)))


CLOUD_FILE = f"""\
outs:
- md5: {MD5}
  size: 3
  cloud:
    storage:
      etag: AbC
      version_id: v1
  hash: md5
  path: a
"""


def test_cloud_is_merged_and_written_back(repo: Repo) -> None:
    parsed = dvcfile.parse(CLOUD_FILE, file="x")
    (out,) = parsed.outs
    assert (out.cloud, out.etag, out.version_id, out.md5) == ("storage", "AbC", "v1", MD5)
    assert dvcfile.dump(parsed) == CLOUD_FILE == dumps_yaml(dvc_stage(repo, CLOUD_FILE).dumpd())


FILES = """\
outs:
- hash: md5
  path: data
  files:
  - relpath: a
    md5: 0cc175b9c0f1b6a831c399e269772661
    size: 1
    cloud:
      storage:
        etag: xyz
        version_id: v1
  - relpath: sub/b
    md5: 92eb5ffee6ae2fec3ad71c777531578f
    size: 1
"""


def test_listed_files_give_the_digest_of_the_directory(repo: Repo) -> None:
    parsed = dvcfile.parse(FILES, file="x")
    (out,) = parsed.outs
    (theirs,) = dvc_stage(repo, FILES).outs
    assert out.is_dir and out.digest == theirs.hash_info.value
    assert dvcfile.dump(parsed) == FILES


def test_checksums_are_normalised() -> None:
    (out,) = dvcfile.parse("outs:\n- md5: 12345\n  etag: AbC\n  path: a\n", file="x").outs
    assert (out.md5, out.etag) == ("12345", "AbC")
    (out,) = dvcfile.parse("outs:\n- md5: ABCdef.dir\n  path: a\n", file="x").outs
    assert (out.md5, out.is_dir) == ("abcdef.dir", True)
    (out,) = dvcfile.parse("outs:\n- md5: ''\n  etag:\n  path: a\n", file="x").outs
    assert out.digest is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "outs:\n", "{}"])
def test_nothing_in_it(text: str) -> None:
    assert dvcfile.parse(text, file="x") == DvcFile()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("outs:\n- md5: abc\n  pth: a\n", 3, "unknown key 'pth' in outs.0; did you mean 'path'?"),
        ("outs: []\ncmd: ls\n", 2, "unknown key 'cmd'"),
        ("outs:\n- md5: abc\n", 2, "outs.0: the key 'path' is missing"),
        ("outs:\n- path: 3\n", 2, "outs.0.path: a path is expected, not a number"),
        ("outs:\n- path: ''\n", 2, "outs.0.path: a path is expected, not nothing"),
        ("outs:\n- path:\n", 2, "outs.0.path: a path is expected, not nothing"),
        ('outs:\n- size: 1\n  path: "a\\0b"\n', 3, "outs.0.path: a path cannot contain NUL"),
        ("outs:\n- path: a\n  md5: ab\n", 3, "outs.0.md5: a checksum is expected"),
        ("outs:\n- path: a\n  md5: [a]\n", 3, "outs.0.md5: a checksum is expected"),
        ("outs:\n- path: a\n  size: '3'\n", 3, "outs.0.size: a number is expected, not text"),
        ("outs:\n- path: a\n  size: -3\n", 3, "outs.0.size: must not be negative"),
        ("outs:\n- path: a\n  size: 1.5\n", 3, "outs.0.size: a number is expected"),
        ("outs:\n- path: a\n  cache: 'no'\n", 3, "outs.0.cache: true or false is expected, not text"),
        ("outs:\n- path: a\n  labels: x\n", 3, "outs.0.labels: a list is expected"),
        ("outs:\n- path: a\n  labels: [x, 1]\n", 3, "outs.0.labels.1: text is expected"),
        ("outs:\n- path: a\n  cloud: {x: {}, y: {}}\n", 3, "outs.0.cloud: one remote name is expected"),
        (
            "outs:\n- path: a\n  cloud:\n    x:\n      tag: 1\n",
            5,
            "unknown key 'tag' in outs.0.cloud.x; did you mean 'etag'?",
        ),
        ("outs:\n- path: a\n  files:\n  - relpath: ../x\n", 3, "outs.0.files: '../x' is not a path inside"),
        (
            "outs:\n- path: a\n  files:\n  - relpath: x\n  - relpath: x\n",
            3,
            "outs.0.files: a file appears twice",
        ),
        ("outs:\n  path: a\n", 1, "outs: a list is expected, not a mapping"),
        ("outs:\n- a\n", 2, "outs.0: a mapping is expected, not text"),
        ("deps:\n- path: a\n  cache: false\n", 3, "unknown key 'cache' in deps.0"),
        ("deps:\n- path: a\n  repo: {rev: x}\n", 3, "deps.0.repo: the key 'url' is missing"),
        ("deps:\n- path: a\n  repo: {url: x, branch: y}\n", 3, "unknown key 'branch' in deps.0.repo"),
        ("frozen: 1\n", 1, "frozen: true or false is expected"),
        ("wdir: 1\n", 1, "wdir: a path is expected"),
        ("md5: [1]\n", 1, "md5: a checksum is expected"),
        ("1: a\n", 1, "the key 1 is not text"),
        ("- a\n", 1, "a mapping is expected, not a list"),
        ("text\n", 1, "a mapping is expected, not text"),
        ("<<<<<<< HEAD\nouts: []\n=======\n>>>>>>> x\n", 1, "both sides of a merge are in it"),
        ("outs: [\n", 2, ""),
    ],
)
def test_error_names_file_line_and_key(text: str, line: int, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        dvcfile.parse(text, file="data/x.dvc")
    assert str(caught.value).startswith(f"data/x.dvc:{line}: {message}"), caught.value
    assert caught.value.line == line


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(MD5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    sorted(dvcfile._OUTPUT_KEYS | dvcfile._TOP_KEYS | {"repo", "url", "db", "query"})
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=15,
    )
)
def test_any_shape_is_read_or_refused(value: object) -> None:
    try:
        parsed = dvcfile.parse(dumps_yaml({"outs": [value], "deps": [value]}), file="x")
    except FormatError:
        return
    assert isinstance(parsed, DvcFile)
    assert dvcfile.parse(dvcfile.dump(parsed), file="x").outs == parsed.outs


ADDED = "outs:\n- md5: {md5}\n  size: {size}\n{nfiles}  hash: md5\n  path: {path}\n"


@pytest.mark.parametrize(
    "md5", ["ab" * 16, "ab" * 16 + ".dir", "12" * 16, "12" * 15 + "e1", "0" * 32, "AB" * 16]
)
@pytest.mark.parametrize("size", ["0", "12", "007", "0o7", "-1", "1_0", "x"])
@pytest.mark.parametrize(
    "path", ["a.txt", "dir/f", "1e3", "2001-01-01", "true", "null", "010", "a b", "a#b", "..", "a:"]
)
@pytest.mark.parametrize("nfiles", ["", "  nfiles: 3\n"])
def test_the_quick_way_reads_what_the_slow_way_does(md5: str, size: str, path: str, nfiles: str) -> None:
    text = ADDED.format(md5=md5, size=size, path=path, nfiles=nfiles)

    def read(text: str) -> object:
        try:
            return dvcfile.parse(text, file="x.dvc")
        except FormatError as error:
            return str(error).replace("line 2", "line 1")

    quick, slow = read(text), read("# not the usual form\n" + text)
    assert (quick == slow) if isinstance(quick, DvcFile) else not isinstance(slow, DvcFile)
