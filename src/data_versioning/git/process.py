"""Runs the program `git`; the only place that starts it.

The module `subprocess` is loaded with the first run: commands that need no Git process never pay for it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

from data_versioning.errors import GitError

# Variables that point Git at a particular repository. Inside a hook they name another index or work tree
# than ours (`git rev-parse --local-env-vars`, without the `-c` settings of the user).
_FOREIGN = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
_ARGUMENTS = 1000  # paths per command line


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without what would lead Git to another repository, and without prompts."""
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return kept | {"GIT_TERMINAL_PROMPT": "0"} | dict(extra)


def run(
    directory: str,
    *arguments: str,
    given: bytes | None = None,
    accepted: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
) -> bytes:
    """Run `git` in `directory` with `given` on its input; return its output.

    Raises `GitError` with Git's own words when it ends with a code that is not in `accepted`.
    """
    code, out, err = attempt(directory, *arguments, given=given, env=env)
    if code not in accepted:
        raise failure(directory, arguments, code, err + out)
    return out


def attempt(
    directory: str, *arguments: str, given: bytes | None = None, env: Mapping[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Run `git` in `directory`; return its exit code, output and error output."""
    subprocess = _subprocess()
    command = ["git", *(os.fsencode(argument) for argument in arguments)]
    source = {"stdin": subprocess.DEVNULL} if given is None else {"input": given}
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=environment({"GIT_OPTIONAL_LOCKS": "0"} if env is None else env),
            capture_output=True,
            check=False,
            **source,
        )
    except FileNotFoundError as error:
        if not os.path.isdir(directory):
            raise GitError(
                f"{directory} is not a directory any more", hint="check the path with `git status`"
            ) from error
        raise GitError("the program `git` is not installed", hint="install Git 2.25 or newer") from error
    return done.returncode, done.stdout, done.stderr


def failure(directory: str, arguments: Sequence[str], code: int, text: bytes) -> GitError:
    """Return the error for a run that ended with `code` and said `text`."""
    said = os.fsdecode(text).strip() or f"it ended with code {code}"
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    if "safe.directory" in said:
        hint = f"git config --global --add safe.directory {directory}"
    elif "index.lock" in said:
        hint = "wait until the other Git command ends (or remove the lock file it left), then run this again"
    elif "user.email" in said:
        hint = 'git config --global user.name "NAME" && git config --global user.email EMAIL'
    else:
        hint = "git status"
    return GitError(f"git {name}: {said}", hint=hint)


def chunks(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut paths into groups that fit on a command line."""
    for start in range(0, len(paths), _ARGUMENTS):
        yield paths[start : start + _ARGUMENTS]


def fields(text: bytes) -> list[str]:
    """Split output of `-z`."""
    return [os.fsdecode(part) for part in text.split(b"\0")[:-1]]


def lines(names: Sequence[str]) -> bytes:
    """Join names for `-z --stdin`."""
    return b"".join(os.fsencode(name) + b"\0" for name in names)


def _subprocess() -> ModuleType:
    return importlib.import_module("subprocess")
