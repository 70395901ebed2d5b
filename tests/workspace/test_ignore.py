from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from dvc.fs import LocalFileSystem
from dvc.ignore import DvcIgnoreFilter
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from data_versioning.errors import FormatError
from data_versioning.workspace import ignore
from data_versioning.workspace.ignore import IgnoreRules, Rule, _regex
from tests.oracle import Sandbox, Tool

NAMES = ("a", "b", "data", "x.txt", ".log", "a b", "[z]", "#h", "!n", "é", "d*")
DIRECTORIES = ("", "a", "data", "a/b", "a/data", "data/[z]", "a/b/a b")
PARTS = st.sampled_from(
    (
        "a",
        "b",
        "data",
        "x.txt",
        "*.txt",
        "*",
        "**",
        "?",
        "[ab]",
        "[!a]",
        "[a-z]*",
        "d*",
        "\\#h",
        "\\*",
        "é",
        "a b",
    )
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    body = "/".join(draw(st.lists(PARTS, min_size=1, max_size=3)))
    negation = draw(st.sampled_from(("", "", "!")))
    return (
        negation
        + draw(st.sampled_from(("", "", "/", "**/")))
        + body
        + draw(st.sampled_from(("", "", "/", "/**")))
    )


IGNORE_FILES = st.dictionaries(
    st.sampled_from(DIRECTORIES),
    st.lists(rules() | st.sampled_from(("# comment", "", "  a  ", "/", "**")), min_size=0, max_size=5),
    max_size=4,
)


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """A directory with every name in every directory; ignore files are put on top."""
    root = Path(tempfile.mkdtemp(dir="/dev/shm"))
    (root / ".dvc").mkdir()
    for directory in DIRECTORIES:
        (root / directory).mkdir(parents=True, exist_ok=True)
    for directory in DIRECTORIES:
        for name in NAMES:
            if not (root / directory / name).exists():
                (root / directory / name).touch()
    yield root
    shutil.rmtree(root)


def write(root: Path, files: dict[str, list[str]]) -> list[str]:
    for old in root.rglob(".dvcignore"):
        old.unlink()
    for directory, lines in files.items():
        (root / directory / ".dvcignore").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [os.path.join(directory, ".dvcignore") for directory in files]


def everything(root: Path) -> list[tuple[str, bool]]:
    return [(str(path.relative_to(root)), path.is_dir()) for path in sorted(root.rglob("*"))]


@settings(max_examples=300)
@given(IGNORE_FILES)
@example({"": ["data", "!data/x.txt"], "data": ["!x.txt"]})
@example({"": ["a/"], "a": ["!**"]})
@example({"": ["*"], "a": ["!*", "b/"]})
@example({"a": ["/", "!/b", "#h", "\\#h"]})
def test_decides_like_dvc(tree: Path, files: dict[str, list[str]]) -> None:
    names = write(tree, files)
    theirs = DvcIgnoreFilter(LocalFileSystem(), str(tree))
    ours = IgnoreRules.load(str(tree), names)

    for path, is_dir in everything(tree):
        said = theirs.check_ignore(str(tree / path))
        assert ours.matches(path, is_dir) == said.match, path
        rule = ours.deciding(path, is_dir)
        assert ([] if rule is None else [str(rule)]) == [str(info) for info in said.pattern_infos], path


@settings(max_examples=300)
@given(IGNORE_FILES)
@example({"": ["a/"], "a": ["!**"]})
@example({"a": ["**"]})
def test_keeps_what_a_walk_of_dvc_finds(tree: Path, files: dict[str, list[str]]) -> None:
    names = write(tree, files)
    filesystem = LocalFileSystem()
    theirs = DvcIgnoreFilter(filesystem, str(tree))
    found = {os.path.relpath(path, tree) for path in theirs.find(filesystem, str(tree))}
    listed = [path for path, is_dir in everything(tree) if not is_dir]

    kept = IgnoreRules.load(str(tree), names).filter(listed)

    assert {listed[number] for number in kept} == found


def test_agrees_with_the_command(repository: Path, dvc: Tool) -> None:
    (repository / "sub/deep").mkdir(parents=True)
    write(repository, {"": ["*.log", "!keep.log", "cache/"], "sub": ["/deep/x", "!a.log"]})
    paths = ["a.log", "keep.log", "sub/a.log", "sub/deep/x", "sub/deep/y", "cache", "sub/keep.log"]
    (repository / "cache").mkdir()
    said = dvc(repository, "check-ignore", *paths).out.split()
    ours = IgnoreRules.load(str(repository), [".dvcignore", "sub/.dvcignore"])

    assert [path for path in paths if ours.matches(path, (repository / path).is_dir())] == said


def test_only_the_rules_of_every_repository_are_trivial(place: Path) -> None:
    (place / ".dvcignore").write_text("# a comment\n\n")
    assert IgnoreRules.load(str(place), [".dvcignore"]).is_trivial
    (place / ".dvcignore").write_text("*.tmp\n")
    assert not IgnoreRules.load(str(place), [".dvcignore"]).is_trivial


def test_what_dvc_never_looks_at(place: Path) -> None:
    ours = IgnoreRules.load(str(place), [])
    assert ours.filter(["a", ".git/x", ".hg/x", "a/.dvc/x", "b/.git", "c/.hg", ".dvcignore"]) == [0, 5, 6]


@pytest.mark.parametrize("text", ["ok\nbad\\\n", "ok\n[z-a]\n", "ok\n!\n"])
def test_a_rule_without_meaning_is_named(place: Path, text: str) -> None:
    (place / ".dvcignore").write_text(text)
    with pytest.raises(FormatError, match=r"\.dvcignore:2: ") as caught:
        IgnoreRules.load(str(place), [".dvcignore"])
    assert caught.value.hint


def test_an_ignore_file_that_is_not_text(place: Path, sandbox: Sandbox) -> None:
    (place / ".dvcignore").write_bytes(b"\xff\n")
    with pytest.raises(FormatError, match="UTF-8"):
        IgnoreRules.load(str(place), [".dvcignore"])


def test_a_hundred_thousand_paths_take_less_than_a_second(place: Path) -> None:
    import time

    (place / ".dvcignore").write_text("*.tmp\n/scratch/\n!keep.tmp\n**/cache/**\n")
    paths = [f"d{number // 100}/f{number}.bin" for number in range(100_000)]
    rules = IgnoreRules.load(str(place), [".dvcignore"])
    started = time.process_time()

    assert len(rules.filter(paths)) == len(paths)
    assert time.process_time() - started < 1


PIECES = (
    "a",
    "b",
    "*",
    "?",
    "[ab]",
    "[!a]",
    "ab",
    "*a",
    "a*",
    "*a*b",
    "*a*b*",
    "??*a?*b",
    "\\*",
    "[]a]*b",
    "*.*",
    "[[]*a*",
)


@pytest.mark.parametrize("pattern", ignore._ALWAYS)
def test_what_is_always_ignored_is_as_pathspec_has_it(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = _regex(Rule(pattern=pattern))
    monkeypatch.setattr(ignore, "_ALWAYS", {})
    assert _regex(Rule(pattern=pattern)) == known


@pytest.mark.filterwarnings("ignore:Possible nested set")
def test_rules_that_never_backtrack_hide_the_same() -> None:
    """pathspec's own expressions, and those made of them, on random paths."""
    random = Random(1)
    for _ in range(4000):
        parts = [
            random.choice((*PIECES, "**")) + random.choice(("", "", *PIECES))
            for _ in range(random.randint(1, 5))
        ]
        pattern = random.choice(("", "/", "**/")) + "/".join(parts) + random.choice(("", "/", "/**"))
        slow, _ = GitIgnoreSpecPattern.pattern_to_regex(pattern)
        if not slow:
            continue
        try:
            fast = _regex(Rule(pattern=pattern, place="x:1"))
        except FormatError:  # too many stars beside [!…]
            continue
        assert fast
        for _ in range(8):
            names = [
                "".join(random.choices("aab.*][", k=random.randint(1, 4)))
                for _ in range(random.randint(1, 6))
            ]
            path = "/".join(names) + random.choice(("", "/"))
            assert bool(re.match(slow, path)) == bool(re.match(fast[0], path)), (pattern, path)


@pytest.mark.parametrize("text", ["*[!a]*[!b]*[!c]*[!d]*e\n", "x" * 5000 + "\n"])
def test_rules_that_cost_too_much(tmp_path: Path, text: str) -> None:
    (tmp_path / ".dvcignore").write_text(text)
    with pytest.raises(FormatError, match=r"is no pattern: (too many stars|longer than)"):
        IgnoreRules.load(str(tmp_path), [".dvcignore"])
