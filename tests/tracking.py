"""Repositories for the tests of tracking and switching, and a look at everything in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.oracle import Entry, Sandbox, Tool, snapshot

# What may change although "nothing changed": the operation log, and disposable state.
PRIVATE = (".git/dv", ".dvc/tmp")


def everything(root: Path) -> dict[str, Entry]:
    """All files, Git's references, index and objects included."""
    return snapshot(root, private=PRIVATE)


def write(root: Path, name: str, content: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def with_remote(root: Path, sandbox: Sandbox, dvc: Tool) -> Path:
    """Make a directory the default remote of a repository, committed."""
    remote = root.parent / "remote"
    dvc(root, "remote", "add", "-q", "-d", "storage", str(remote)).ok()
    sandbox.git(root, "commit", "-qam", "remote")
    return remote


def unwritable(root: Path, sandbox: Sandbox, dvc: Tool) -> None:
    """A default remote below a regular file, where nobody can write."""
    (root.parent / "file").write_text("")
    dvc(root, "remote", "add", "-q", "-f", "-d", "storage", str(root.parent / "file/remote")).ok()
    sandbox.git(root, "commit", "-qam", "remote that nobody can write to")


def without_identity(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Git know nobody, and guess nobody."""
    home = root.parent / "nobody"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n[safe]\n\tdirectory = *\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("EMAIL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name, raising=False)


def head(root: Path, sandbox: Sandbox) -> str:
    return sandbox.git(root, "rev-parse", "HEAD").strip()


def messages(root: Path, sandbox: Sandbox) -> list[str]:
    return sandbox.git(root, "log", "--format=%s").splitlines()


def tags(root: Path, sandbox: Sandbox) -> dict[str, str]:
    """The kind of object behind each tag: annotated ones are a `tag`."""
    listed = sandbox.git(root, "for-each-ref", "--format=%(refname:short) %(objecttype)", "refs/tags")
    return dict(line.split() for line in listed.splitlines())


def output(root: Path, pointer: str) -> dict[str, Any]:
    """The one output that a pointer file records."""
    (found,) = yaml.safe_load((root / pointer).read_text())["outs"]
    assert isinstance(found, dict)
    return found


def records(root: Path) -> list[dict[str, Any]]:
    """The operation log."""
    log = root / ".git/dv/log/events.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def clean(root: Path, dvc: Tool, sandbox: Sandbox) -> bool:
    """Whether Git and the real DVC find nothing to do."""
    return sandbox.git(root, "status", "--porcelain") == "" and dvc(root, "status", "--json").json == {}
