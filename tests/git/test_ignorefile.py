from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scmrepo.git import Git as TheirGit

from data_versioning.git import ignorefile

NAMES = st.text(alphabet="ab[]!*#?\\ .é-", min_size=1, max_size=6).filter(
    lambda name: name not in (".", "..")
)
TEXTS = st.lists(
    st.sampled_from(["/a", "/data", "*.log", "# comment", "", "  /a  ", "/é", "!x", "/a\\[b\\]", "/a[b]"]),
    max_size=5,
).flatmap(
    lambda lines: st.sampled_from(["\n".join(lines), "\n".join(lines) + "\n", "\r\n".join(lines) + "\r\n"])
)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TheirGit]:
    root = tmp_path_factory.mktemp("theirs")
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    git = TheirGit(str(root))
    yield git
    git.close()


def content(path: str) -> str | None:
    return Path(path).read_bytes().decode() if os.path.exists(path) else None


@given(text=TEXTS, name=NAMES)
@example(text="*.log", name="data")
@example(text="", name="a[1]!#?*\\")
def test_adds_as_dvc(theirs: TheirGit, text: str, name: str) -> None:
    assume(text[-1:] != "é")  # DVC fails: it reads the last byte as text
    file = os.path.join(theirs.root_dir, ".gitignore")
    Path(file).write_bytes(text.encode())
    theirs._add_entry_to_gitignore(f"/{name}", file)
    assert ignorefile.add(text, ignorefile.entry_for(name)) == content(file)


@given(text=TEXTS, name=NAMES | st.sampled_from(["a", "data", "é", "a[b]"]))
@example(text="/data\n", name="data")
@example(text="x\n/data", name="data")
@example(text="x\r\n/data\r\n", name="data")
@example(text="", name="data")
def test_removes_as_dvc(theirs: TheirGit, text: str, name: str) -> None:
    file = os.path.join(theirs.root_dir, ".gitignore")
    Path(file).write_bytes(text.encode())
    theirs.ignore_remove(os.path.join(theirs.root_dir, name))
    assert ignorefile.remove(text, ignorefile.entry_for(name)) == content(file)


def test_git_understands_the_entry(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    names = ["a[1]", "b!", "*", "#c", "!d", "e?", "back\\slash", "plain"]
    text = ""
    for name in names:
        (tmp_path / name).touch()
        text = ignorefile.add(text, ignorefile.entry_for(name))
    (tmp_path / "a1").touch()
    (tmp_path / ".gitignore").write_text(text)
    said = subprocess.run(
        ["git", "status", "--porcelain", "-z"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert set(said.stdout.split("\0")) == {"?? .gitignore", "?? a1", ""}


@pytest.mark.parametrize("name", ["two\nlines", "\n", "end\n", "end\r", "a*\n[b]", "#\n"])
def test_git_ignores_names_with_ends_of_lines(tmp_path: Path, name: str) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for other in (name, "two lines", "two", "lines", "end"):
        (tmp_path / other).write_text("x")
    before = "*.log\n"
    text = ignorefile.add(before, ignorefile.entry_for(name))
    (tmp_path / ".gitignore").write_bytes(text.encode())
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--others", "--exclude-standard"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    ).stdout.decode()
    assert set(listed.split("\0")) == {"two lines", "two", "lines", "end", ".gitignore", ""}
    assert ignorefile.remove(text, ignorefile.entry_for(name)) == before
