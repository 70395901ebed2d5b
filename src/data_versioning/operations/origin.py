"""Which other repository is meant, at which revision, and which settings count for reading it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from data_versioning import repo as repos
from data_versioning.errors import ConfigError, UsageError
from data_versioning.formats import config
from data_versioning.formats.config import Settings
from data_versioning.remotes import remote as remotes
from data_versioning.workspace import config_levels
from data_versioning.workspace.config_paths import level_paths

_LEVEL = "local"  # what overrides everything counts as this level in messages
Sections = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which repository, at which revision, with which changes to its settings; as `deps: - repo:` records it.

    `config` is a file, or sections as DVC nests them; `remote` a name, or options of the default remote.
    """

    url: str
    rev: str | None = None
    config: str | Mapping[str, object] | None = None
    remote: str | Mapping[str, object] | None = None


def typed(
    url: str,
    *,
    rev: str | None = None,
    config: str | None = None,
    remote: str | None = None,
    remote_config: Mapping[str, str] | None = None,
) -> Origin:
    """Return what the options of a command say; raises `UsageError` for a file beside both options of the remote."""
    if remote is None or not remote_config:
        return Origin(url=url, rev=rev, config=config, remote=remote or remote_config)
    if config is not None:
        raise UsageError(
            "--config cannot be combined with both --remote and --remote-config", hint="leave one out"
        )
    nested = {"core": {"remote": remote}, "remote": {remote: dict(remote_config)}}
    return Origin(url=url, rev=rev, config=nested)


def settings(origin: Origin, *, root: str | None = None, committed: Sections | None = None) -> Settings:
    """Return the user's settings, those of the repository at `root` or those `committed`, and what `origin` changes.

    Raises `ConfigError` for a remote that is not there.
    """
    if root is not None and is_ours(root) and not (origin.config or origin.remote):
        return repos.open(root).settings  # kept compiled
    levels: list[tuple[str, Sections]] = [
        (level, config_levels.values(path)) for level, path in level_paths(root).items()
    ]
    if committed:
        levels.append(("repo", committed))
    if changes := _sections(origin):
        levels.append((_LEVEL, changes))
    merged = config.merge(levels)
    if isinstance(origin.remote, str):
        remotes.locate(merged, origin.remote)
        return config.merge([*levels, (_LEVEL, {"core": {"remote": origin.remote}})])
    if not origin.remote:
        return merged
    name = merged.get("core", "remote")
    if name is None:
        raise ConfigError(
            "the other repository has no default remote", hint="--remote NAME says which one is meant"
        )
    return config.merge([*levels, (_LEVEL, {f'remote "{name}"': _texts(origin.remote)})])


def is_ours(root: str) -> bool:
    """Whether the repository at `root` belongs to the user, so that what saves time may be kept in it."""
    return os.stat(f"{root}/.dvc").st_uid == os.getuid()


def _sections(origin: Origin) -> dict[str, dict[str, str]]:
    """Return the sections that `origin.config` is or names."""
    if isinstance(origin.config, str):
        if not os.path.isfile(origin.config):
            raise ConfigError(f"there is no configuration file '{origin.config}'", hint="--config PATH")
        return config_levels.values(origin.config)
    return _flat(origin.config or {})


def programs(
    origin: Origin, *, root: str | None = None, committed: Sections | None = None
) -> Iterator[tuple[str, str]]:
    """Yield remote and option for each program that would be started because a stranger says so.

    What `origin` changes counts, too: the pointer file of an import brings it along.
    """
    if root is not None:
        yield from config_levels.untrusted_programs(root)
    yield from config_levels.programs(committed or {})
    options = origin.remote if isinstance(origin.remote, Mapping) else {}
    yield from config_levels.programs(_sections(origin))
    yield from config_levels.programs({'remote "default"': _texts(options)})


def _texts(options: Mapping[str, object]) -> dict[str, str]:
    return {str(key): str(value) for key, value in options.items()}


def _flat(nested: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Return sections as they stand in a file: `remote: {name: {…}}` is `remote "name"`."""
    found: dict[str, dict[str, str]] = {}
    for section, options in nested.items():
        if not isinstance(options, Mapping):
            raise ConfigError(f"repo.config.{section} must be a section", hint="correct it in the .dvc file")
        for key, value in options.items():
            if isinstance(value, Mapping):
                found[f'{section} "{key}"'] = _texts(value)
            else:
                found.setdefault(section, {})[str(key)] = str(value)
    return found
