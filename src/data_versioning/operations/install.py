"""Make Git call us: before a commit, after a checkout, before a push, and to merge pointer files."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from typing import Any

from data_versioning.errors import Conflict
from data_versioning.formats import yamltext
from data_versioning.git import hooks
from data_versioning.git.repository import Git
from data_versioning.localfs import atomic
from data_versioning.repo import Repo

HOOKS = ("post-checkout", "pre-commit", "pre-push")
PRE_COMMIT_FILE = ".pre-commit-config.yaml"
_DRIVER = "merge-driver --ancestor %O --our %A --their %B --path %P"
# `merge=dvc` is what DVC's users write. For dvc.lock it is another name: DVC's own driver would fail there.
_DRIVERS = {"dvc": ("*.dvc", "DVC merge driver"), "dv-lock": ("dvc.lock", "Merges dvc.lock stage by stage")}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallResult:
    """The hooks and merge drivers that are in place; `directory` holds the hooks, or `file` lists them."""

    hooks: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()
    directory: str | None = None
    file: str | None = None


def install(repo: Repo, *, pre_commit_tool: bool = False) -> InstallResult:
    """Set up hooks and merge drivers; nothing without Git. Can be run again.

    Raises `Conflict` with nothing changed when the user has a hook of that name. `pre_commit_tool` writes the
    hooks into the configuration of the tool pre-commit instead.
    """
    git = repo.git
    if git is None:
        return InstallResult()
    with repo.transaction("install", lock="none"):
        directory = None if pre_commit_tool else _hooks(git)
        for name, (pattern, title) in _DRIVERS.items():
            hooks.set_merge_driver(git, name, title=title, command=f"{_program()} git-hook {_DRIVER}")
            hooks.add_attributes(git, [f"{pattern} merge={name}"])
        if pre_commit_tool:
            _list_for_pre_commit(git)
    return InstallResult(
        hooks=HOOKS,
        drivers=tuple(_DRIVERS),
        directory=directory,
        file=f"{git.root}/{PRE_COMMIT_FILE}" if pre_commit_tool else None,
    )


def _hooks(git: Git) -> str:
    directory = hooks.directory(git)
    missing = []
    for name in HOOKS:
        text = hooks.read(directory, name)
        if text is None or f"exec dvc git-hook {name} $@" in text.splitlines():
            missing.append(name)  # what `dvc install` made is replaced
        elif f"git-hook {name}" not in text:
            raise Conflict(
                f"there is a hook {directory}/{name} already",
                # Without input: the hook that it is added to needs what Git tells a push.
                hint=f"add this line to it, then run this again: {_command(name)} </dev/null || exit",
            )
    for name in missing:
        hooks.write(directory, name, f"#!/bin/sh\n# Made by `dv install`.\nexec {_command(name)}\n")
    return directory


def _command(name: str) -> str:
    return f'{_program()} git-hook {name} "$@"'


def _program() -> str:
    """Return `dv` for a shell: the one on PATH, or where it is now, in a program that starts Git without PATH."""
    here = os.path.join(os.path.dirname(sys.executable), "dv")
    return f'"$(command -v dv || echo {shlex.quote(here)})"' if os.access(here, os.X_OK) else "dv"


def _list_for_pre_commit(git: Git) -> None:
    path = f"{git.root}/{PRE_COMMIT_FILE}"
    text = hooks.read(git.root, PRE_COMMIT_FILE) or ""
    atomic.write(path, os.fsencode(yamltext.change(text, _add_entry, file=PRE_COMMIT_FILE)))


def _add_entry(values: dict[str, Any]) -> None:
    entry = {"repo": "local", "hooks": [_listed(name) for name in HOOKS]}
    repositories = values.setdefault("repos", [])
    if entry not in repositories:
        repositories.append(entry)


def _listed(name: str) -> dict[str, object]:
    return {
        "id": f"dv-{name}",
        "name": f"dv {name}",
        "entry": f"dv git-hook {name}",
        "language": "system",
        "stages": [name],
        "always_run": True,
        "pass_filenames": False,
    }
