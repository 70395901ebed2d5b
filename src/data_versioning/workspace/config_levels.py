"""Reads and writes the configuration files of the four levels.

Starts no program and trusts no file: what came with the repository is told apart from what its user set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from data_versioning import formats
from data_versioning.errors import ConfigError, DiskError
from data_versioning.formats import config
from data_versioning.formats.config import Settings
from data_versioning.localfs import atomic, locks, regular
from data_versioning.workspace.config_paths import LEVELS, level_paths, preference_paths

Values = Mapping[str, Mapping[str, str]]
Change = Callable[[str, Values], str]
"""From the text of a file, and its values as they stand there, to its new text."""
Contents = tuple[bytes | None, bytes | None]
"""Of a file before and after a change; None where there is none."""

_LOCK_TIMEOUT = 10.0  # seconds; an edit takes milliseconds
_PROGRAM_OPTIONS = ("bearer_token_command",)
# Files of Amazon's tools, in which a line with this word names a program to be started.
_PROGRAM_FILES = ("configpath", "credentialpath")
_PROGRAM_WORD = b"credential_process"


def load(root: str | None) -> Settings:
    """Return the settings of all levels, paths absolute.

    Raises `ConfigError` for a file that cannot be understood or holds what DVC would not accept.
    """
    return config.merge((level, values(path)) for level, path in level_paths(root).items())


def values(file: str) -> dict[str, dict[str, str]]:
    """Return the sections of one file, paths absolute; nothing when there is no file."""
    return _resolved(config.read(_text(file), file=file), file)


def load_preferences(root: str) -> dict[str, str | float]:
    """Return what the `dv.toml` files say, the committed one over the user's own.

    Raises `ConfigError`.
    """
    return {name: value for values in preference_levels(root).values() for name, value in values.items()}


def preference_levels(root: str) -> dict[str, dict[str, str | float]]:
    """Return what each `dv.toml` file says, by its path, the stronger one last.

    Raises `ConfigError`.
    """
    paths = preference_paths(root)
    texts = {name: _text(path) for name, path in paths.items()}
    if not any(texts.values()):
        return {}
    return {
        paths["user"]: formats.preferences.read(texts["user"], file=paths["user"]),
        paths["repo"]: formats.preferences.read_committed(texts["repo"], file=paths["repo"]),
    }


def _resolved(sections: Values, file: str) -> dict[str, dict[str, str]]:
    return config.resolve_paths(sections, os.path.dirname(os.path.abspath(file)))


def save(root: str | None, level: str, change: Change) -> Contents:
    """Change one file, atomically, if DVC accepts the result, alone and together with the other levels.

    Returns what it held before and holds now. Raises `ConfigError` otherwise, and then changed nothing.
    """
    file = level_paths(root)[level]
    if root is None or level not in ("repo", "local"):
        return _save(root, level, file, change)
    with locks.exclusive(f"{root}/.dvc/tmp/dv/config.lock", timeout=_LOCK_TIMEOUT):
        return _save(root, level, file, change)


def _save(root: str | None, level: str, file: str, change: Change) -> Contents:
    content = _content(file)
    before = _text(file)
    after = change(before, config.read(before, file=file))
    if after == before:
        return content, content
    if root is not None and level in ("repo", "local"):
        _refuse_link_outside(root, file)
    _check(root, level, _resolved(config.read(after, file=file), file))
    try:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        atomic.write(file, after.encode())
    except OSError as error:
        raise DiskError(f"cannot write '{file}': {error.strerror}", hint=f"ls -l {file}") from error
    return content, after.encode()


def _refuse_link_outside(root: str, file: str) -> None:
    """Git hands out links that others committed; what they lead to is not ours to change."""
    if not os.path.realpath(file).startswith(f"{os.path.realpath(root)}/"):
        raise ConfigError(f"{file} is a link that leads out of the repository", hint=f"ls -l {file}")


def _check(root: str | None, level: str, changed: Values) -> None:
    """Raise `ConfigError` when one level, changed, breaks itself or what was good so far."""
    paths = level_paths(root)
    weaker = LEVELS[: LEVELS.index(level)]
    config.merge([*((each, values(paths[each])) for each in weaker if each in paths), (level, changed)])
    try:
        load(root)
    except ConfigError:
        return  # broken elsewhere: every level has to be repaired on its own
    try:
        config.merge((each, changed if each == level else values(path)) for each, path in paths.items())
    except ConfigError as error:
        raise ConfigError(
            f"a stronger level does not fit any more: {error.message}", hint="dv config --list --show-origin"
        ) from error


def untrusted_programs(root: str) -> Iterator[tuple[str, str]]:
    """Yield remote and option for each program that the committed configuration would make DVC start.

    Committed means `.dvc/config`. What the local level overrides does not count, and what the user's own
    levels say, too, is trusted.
    """
    paths = level_paths(root)
    return programs(values(paths["repo"]), stronger=values(paths["local"]))


def programs(committed: Values, *, stronger: Values = MappingProxyType({})) -> Iterator[tuple[str, str]]:
    """Yield remote and option for each program in `committed` that nobody but a stranger asked for."""
    paths = level_paths(None)
    weaker = [values(paths[level]) for level in ("system", "global")]
    for section, options in committed.items():
        for option in (*_PROGRAM_OPTIONS, *_PROGRAM_FILES):
            value = options.get(option)
            if value is None or option in stronger.get(section, {}):
                continue
            if any(level.get(section, {}).get(option) == value for level in weaker):
                continue
            if option in _PROGRAM_OPTIONS or _names_program(value):
                yield section.partition(" ")[2].strip('"'), option


def share_cache_of_main_worktree(root: str) -> None:
    """Let a linked worktree of Git use the object cache of the main one, unless it has a cache already."""
    main = _main_worktree(root)
    paths = level_paths(root)
    if main is None or os.path.exists(f"{root}/.dvc/cache") or not os.path.isdir(f"{main}/.dvc"):
        return
    if "dir" in values(paths["local"]).get("cache", {}):
        return
    shared = load(main).get("cache", "dir") or f"{main}/.dvc/cache"
    if load(root).get("cache", "dir") != shared:
        save(root, "local", lambda text, _: formats.configtext.edit(text, "cache", "dir", shared))


def _main_worktree(root: str) -> str | None:
    """Return the top of the main work tree; None unless `root` is the top of a linked one."""
    pointer = _text(f"{root}/.git").strip()
    if not pointer.startswith("gitdir: "):
        return None
    git_dir = os.path.join(root, pointer.removeprefix("gitdir: "))
    common = _text(f"{git_dir}/commondir").strip()  # a submodule has none
    if not common:
        return None
    top, name = os.path.split(os.path.realpath(os.path.join(git_dir, common)))
    return top if name == ".git" else None


def _names_program(file: str) -> bool:
    try:
        return _PROGRAM_WORD in regular.read(file)
    except OSError:
        return False


def _content(file: str) -> bytes | None:
    try:
        return regular.read(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DiskError(f"cannot read '{file}': {error.strerror}", hint=f"ls -l {file}") from error


def _text(file: str) -> str:
    try:
        return regular.read_text(file)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text: {error}", hint=f"git checkout -- {file}") from error
    except OSError as error:
        raise DiskError(f"cannot read '{file}': {error.strerror}", hint=f"ls -l {file}") from error
