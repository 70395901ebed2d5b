"""What the commands for URLs print, and what they leave to `dvc`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oracle import Tool


@pytest.fixture
def root(repository: Path) -> Path:
    """A repository beside `source`, with two files."""
    source = repository.parent / "source"
    (source / "sub").mkdir(parents=True)
    (source / "a").write_text("alpha")
    (source / "sub/b").write_text("beta")
    return repository


def test_import_and_update(dv: Tool, root: Path) -> None:
    result = dv(root, "import-url", "../source", "my data", "--meta", "owner=ana").ok()
    assert "imported: ../source -> my data (2 files, 9 B)" in result.out
    assert "git add 'my data.dvc' .gitignore" in result.out
    assert "owner: ana" in (root / "my data.dvc").read_text()
    assert dv(root, "update", "my data.dvc").ok().out == "up to date: my data.dvc\n"
    (root.parent / "source/a").write_text("newer")
    assert dv(root, "update", "--json", "my data.dvc").json == {
        "updated": ["my data.dvc"],
        "unchanged": [],
        "edited": ["my data.dvc"],
    }
    for option in ("--no-download", "--no-exec"):
        result = dv(root, "import-url", option, "../source/a", option[2:]).ok()
        assert result.out.startswith(f"recorded, not downloaded: ../source/a -> {option[2:]}\n")
    found = dv(root, "import-url", "--json", "--no-download", "../source/a").json
    assert (found["origin"], found["path"], found["oid"]) == ("../source/a", "a", None)


def test_get_and_list(dv: Tool, root: Path, place: Path) -> None:
    for where in (root, place):  # inside of a repository, and outside of any
        source = str(root.parent / "source")
        assert dv(where, "get-url", source, "got").ok().out == "got: 2 files, 9 B\n"
        assert dv(where, "list-url", "-R", "--json", source).json == [
            {"path": "a", "isdir": False, "size": 5},
            {"path": "sub/b", "isdir": False, "size": 4},
        ]
    assert dv(root, "ls-url", "-T", "../source").ok().out == "../source\n├── a\n└── sub\n    └── b\n"
    assert dv(root, "list-url", "-T", "--json", "../source").code == 254
    assert dv(root, "list-url", "-R", "-L", "-1", "../source").code == 254


def test_what_dvc_does_is_an_error_with_json(dv: Tool, root: Path) -> None:
    for command in (
        ("import-url", "oss://host/key"),
        ("import-url", "--version-aware", "../source"),
        ("import-url", "../source", "x", "--fs-config", "jobs=4"),
        ("get-url", "https://host/file#part"),
        ("list-url", "nobody://knows"),
    ):
        result = dv(root, *command, "--json")
        assert "hands over to dvc" in result.out, command
        assert result.code != 0
    assert not [path for path in root.glob("*.dvc") if path.is_file()]


def test_pull_of_what_was_only_declared(dv: Tool, root: Path) -> None:
    """As DVC, it cannot be had; unlike DVC, the way to it is told."""
    dv(root, "import-url", "--no-exec", "../source/a", "x").ok()
    for flags in ((), ("--dry-run",), ("x",)):
        result = dv(root, "pull", *flags)
        assert (result.code, result.out) == (1, ""), result
        assert result.err.startswith("'x' was declared only (--no-exec): nothing is recorded of it\n")
        assert "dv update x.dvc" in result.err and "dvc.org" not in result.err
    assert dv(root, "pull", "--allow-missing").ok().out == "Everything is up to date.\n"
    assert dv(root, "fetch").ok().out == "Everything is up to date.\n"
    dv(root, "update", "x.dvc").ok()
    assert (root / "x").exists()


def test_handed_over_with_a_record(dv: Tool, root: Path) -> None:
    result = dv(root, "import-url", "../source/a", "b", "--fs-config", "jobs=4").ok()
    assert "Importing" in result.out + result.err
    assert "fs_config" in (root / "b.dvc").read_text()
    assert dv(root, "log", "--json").ok().out.count('"import-url"') >= 1
