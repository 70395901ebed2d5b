"""Read and change options of the four configuration levels."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from data_versioning import repo
from data_versioning.errors import ConfigError, NotInRepository
from data_versioning.formats import config, configtext
from data_versioning.formats import config_schema as schema
from data_versioning.formats.config import Settings
from data_versioning.paths import RepoPath
from data_versioning.repo import Preferences
from data_versioning.workspace import config_levels
from data_versioning.workspace.config_levels import Change, Contents, Values
from data_versioning.workspace.config_paths import level_paths

# DVC's own pattern: two parts, or three that start with remote or db.
_NAME = re.compile(r"(?:(remote|db)\.)?([^.]*)\.([^.]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """The name of an option: its section as it stands in the file (`core`, `remote "store"`), and its key."""

    section: str
    option: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `section.option` or `remote.NAME.option`; `ValueError` for anything else.

        >>> Name.parse("remote.Store.url"), str(Name.parse("core.remote"))
        (Name(section='remote "store"', option='url'), 'core.remote')
        """
        match = _NAME.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is neither section.option nor remote.NAME.option nor db.NAME.option")
        top, section, option = match.groups()
        section = section.lower()
        return cls(section=schema.named(top, section) if top else section, option=option.lower())

    def __str__(self) -> str:
        return config.address(self.section, self.option)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One option of one level; `name` with dots, `value` with paths made absolute."""

    level: str
    file: str
    name: str
    value: str


def listing(*, level: str | None = None) -> list[Setting]:
    """Return all options of one level, or of every level from the weakest on; remotes first, as DVC does."""
    found = []
    for each, file in files(level).items():
        values = config_levels.values(file)
        found += [
            Setting(level=each, file=file, name=config.address(section, option), value=value)
            for section in sorted(values, key=lambda section: " " not in section)
            for option, value in values[section].items()
        ]
    return found


def get(name: Name, *, level: str | None = None) -> Setting | None:
    """Return the option of the strongest level that sets it; None when none does.

    Raises `ConfigError` when `level` is given and does not set it.
    """
    for each, file in reversed(files(level).items()):
        value = config_levels.values(file).get(name.section, {}).get(name.option)
        if value is not None:
            return Setting(level=each, file=file, name=str(name), value=value)
    if level:
        raise missing(name)
    return None


def change(name: Name, value: str | None, *, level: str | None = None, argv: Sequence[str] = ()) -> None:
    """Set an option, or remove it (None), in one level: the repository's unless told otherwise.

    Raises `ConfigError` when DVC would not accept the result, or when there is nothing to remove.
    """

    def edit(text: str, values: Values) -> str:
        if value is None and name.option not in values.get(name.section, {}):
            raise missing(name)
        typed = None if value is None else stored(name.section, name.option, value, level)
        return configtext.edit(text, name.section, name.option, typed)

    save("config", {level or "repo": edit}, argv=argv, setting=name)


def stored(section: str, option: str, value: str, level: str | None) -> str:
    """Return how a value that the user typed is written: a path is relative to the current directory."""
    if not config.is_path(section, option):
        return value
    file = files(level or "repo")[level or "repo"]
    return config.saved_path(value, here=os.getcwd(), base=os.path.dirname(os.path.abspath(file)))


def save(
    verb: str, changes: Mapping[str, Change], *, argv: Sequence[str], setting: Name | None = None
) -> None:
    """Change some levels; a change of the repository's own is recorded in the operation log.

    With hashes for the committed level only: the local one may hold secrets, which could be guessed.
    `setting` is the option that the user typed: when it is refused, the hint says what to type instead.
    """
    root = find_root()
    contents: dict[str, Contents] = {}
    for level, change in changes.items():
        files(level)
        try:
            contents[level] = config_levels.save(root, level, change)
        except config.BadOption as error:
            if setting and error.section == setting.section and error.key in (setting.option, None):
                error.hint = error.instead
            raise
    if root is not None and {"repo", "local"} & changes.keys():
        with repo.open(root, argv=argv).transaction(verb, lock="none") as transaction:
            if "repo" in contents:
                transaction.note(RepoPath(".dvc/config"), *contents["repo"])


def of_level(level: str) -> Values:
    """Return the sections of one level."""
    return config_levels.values(files(level)[level])


def merged(*, below: str | None = None) -> Values:
    """Return the sections of all levels, or of those weaker than `below`, put over each other."""
    found: dict[str, dict[str, str]] = {}
    for level, file in files(None).items():
        if level == below:
            break
        for section, options in config_levels.values(file).items():
            found.setdefault(section, {}).update(options)
    return found


def settings() -> Settings:
    """Return the settings of the repository around, or without one those of this machine."""
    root = find_root()
    return repo.open(root).settings if root else config_levels.load(None)


def preferences() -> Preferences:
    """Return the preferences of the repository around; without one, nothing is preferred."""
    root = find_root()
    return repo.open(root).preferences if root else Preferences()


def find_root() -> str | None:
    """Return the repository around; configuration can be read without one."""
    try:
        return repo.find_root()
    except NotInRepository:
        return None


def missing(name: Name) -> ConfigError:
    """Return the error for an option that is not set."""
    return ConfigError(f"option '{name}' is not set", hint="dv config --list")


def files(level: str | None) -> dict[str, str]:
    """Return the file of each level, or of one; `ConfigError` when that one needs a repository."""
    paths = level_paths(find_root())
    if level is None:
        return paths
    if level not in paths:
        raise ConfigError("not inside a DVC repository", hint="dv config --global NAME VALUE")
    return {level: paths[level]}
