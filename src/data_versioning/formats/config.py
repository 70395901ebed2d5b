"""DVC's settings: four levels of INI files, merged option by option and checked as DVC checks them.

Sections are keyed as in the file, in lower case: "core", 'remote "storage"'. Everything here works without
configobj; `read` and the edits load `configtext`, which needs it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from data_versioning import formats
from data_versioning.errors import ConfigError
from data_versioning.formats import config_schema as schema

Values = Mapping[str, Mapping[str, str]]

_WORD = re.compile(r"[\w-]+")
_URL = re.compile(r"\w+://")
_LEVEL_OPTIONS = {
    "system": "--system ",
    "global": "--global ",
    "repo": "--project ",
    "local": "--local ",
}


class BadOption(ConfigError):
    """An option or section (then `key` is None) that DVC does not accept.

    The hint takes it out of the file; `instead` is the hint for somebody who just tried to set it.
    """

    def __init__(self, message: str, *, section: str, key: str | None, hint: str, instead: str) -> None:
        super().__init__(message, hint=hint)
        self.section = section
        self.key = key
        self.instead = instead


class Settings(NamedTuple):
    """The merged settings; `origins` has the level that each value comes from."""

    values: Values
    origins: Values

    def get(self, section: str, key: str, default: str | None = None) -> str | None:
        """Return a value, or `default` when it is set nowhere."""
        return self.values.get(section, {}).get(key, default)

    def flag(self, section: str, key: str, default: bool = False) -> bool:
        """Return a value that is true or false."""
        value = self.get(section, key)
        return default if value is None else value.lower() == "true"

    def remotes(self) -> dict[str, Mapping[str, str]]:
        """Return the options of each remote by its name."""
        found = {}
        for section, options in self.values.items():
            kind, name = schema.split_section(section)
            if kind == "remote" and name is not None:
                found[name] = options
        return found

    def pack(self) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
        """Return plain values that `unpack` understands."""
        return (
            {section: dict(options) for section, options in self.values.items()},
            {section: dict(options) for section, options in self.origins.items()},
        )

    @classmethod
    def unpack(cls, packed: tuple[Values, Values]) -> Self:
        """Undo `pack`."""
        values, origins = packed
        return cls(values=values, origins=origins)


def read(text: str, *, file: str) -> dict[str, dict[str, str]]:
    """Return the sections of one file as they stand there; only the syntax is checked."""
    return formats.configtext.read(text, file=file)


def edit(text: str, section: str, key: str, value: str | None, *, file: str = "") -> str:
    """Return the file with one option set, or removed when `value` is None; see `configtext.edit`."""
    return formats.configtext.edit(text, section, key, value, file=file)


def merge(levels: Iterable[tuple[str, Values]]) -> Settings:
    """Return the settings of all levels, later ones winning.

    A level is its name ("system", "global", "repo", "local") and what `read` gave, paths resolved. Raises
    `ConfigError` for sections, options and values that DVC would not accept.
    """
    values: dict[str, dict[str, str]] = {}
    origins: dict[str, dict[str, str]] = {}
    for level, sections in levels:
        for section, options in sections.items():
            lower = schema.LOWER_CASE.get(schema.split_section(section)[0], frozenset())
            into = values.setdefault(section, {})
            into.update((key, value.lower() if key in lower else value) for key, value in options.items())
            origins.setdefault(section, {}).update(dict.fromkeys(options, level))
    merged = Settings(values=values, origins=origins)
    for section in values:
        _check_section(section, merged)
    return merged


def _check_section(section: str, settings: Settings) -> None:
    options = settings.values[section]
    known = _known_options(section, options)
    if known is None:
        return
    for key, value in options.items():
        name = address(section, key)
        if key not in known and section == "feature":
            continue  # DVC ignores experiments that it no longer knows
        if key not in known:
            raise _unknown_option(settings, section, key, known)
        if (expected := known[key](value)) is not None:
            shown = "***" if is_secret(key) else repr(value)
            good = _nearest_value(value, expected, known[key])
            message = f"{name} must be {expected}, not {shown}"
            raise _bad(message, settings, section, key, instead=f"{name} {good}")
    if {"config_dir", "config_module"} <= options.keys() and section == "hydra":
        message = "hydra.config_dir and hydra.config_module exclude each other"
        raise _bad(message, settings, section, "config_module", instead=f"--unset {section}.config_dir")


def _known_options(section: str, options: Mapping[str, str]) -> Mapping[str, schema.Check] | None:
    """Return what may stand in a section; None when anything may."""
    kind, name = schema.split_section(section)
    if name is None and kind in schema.SECTIONS:
        return schema.SECTIONS[kind]
    if name is None:
        raise _unknown_section(section, options)
    if kind != "remote":
        return schema.NAMED[kind]
    if "url" not in options:
        hint = f"dv remote modify {name} url URL, or: dv remote remove {name}"
        raise ConfigError(f"remote {name!r} has no url", hint=hint)
    scheme = schema.scheme(options["url"])
    if scheme != "remote" and scheme not in schema.REMOTE:
        raise ConfigError(
            f"remote {name!r}: {scheme}:// is not supported", hint=f"dv remote modify {name} url URL"
        )
    return schema.REMOTE.get(scheme)


def _unknown_section(section: str, options: Mapping[str, str]) -> BadOption:
    known = [*schema.SECTIONS, *schema.NAMED]
    near = formats.suggest.closest(section, known)
    key = next(iter(options), "OPTION")
    return BadOption(
        f"unknown section [{section}]{formats.suggest.nearest(section, known)}",
        section=section,
        key=None,
        hint="remove it from the configuration file",
        instead=f"dv config {near}.{key} VALUE" if near else f"the sections are {', '.join(known)}",
    )


def _unknown_option(
    settings: Settings, section: str, key: str, known: Mapping[str, schema.Check]
) -> BadOption:
    near = formats.suggest.closest(key, known)
    message = f"unknown option {address(section, key)!r}{formats.suggest.nearest(key, known)}"
    error = _bad(message, settings, section, key, instead=f"{address(section, near or key)} VALUE")
    if near is None:
        error.instead = f"the options of [{section}] are {', '.join(sorted(known))}"
    return error


def _bad(message: str, settings: Settings, section: str, key: str, *, instead: str) -> BadOption:
    level = settings.origins[section][key]
    option = _LEVEL_OPTIONS.get(level, "")
    return BadOption(
        f"{message} (level {level})",
        section=section,
        key=key,
        hint=f"dv config {option}--unset {address(section, key)}",
        instead=f"dv config {option if level != 'repo' else ''}{instead}",
    )


def _nearest_value(value: str, expected: str, check: schema.Check) -> str:
    """Return what was probably meant: of the words in `expected`, those that `check` accepts are values.

    >>> _nearest_value("copy,hardlin", str(schema.link_types("hardlin")), schema.link_types)
    'copy,hardlink'
    """
    words = [word for word in _WORD.findall(expected) if check(word) is None]
    parts = value.lower().split(",")
    return ",".join(formats.suggest.closest(part, words) or next(iter(words), "VALUE") for part in parts)


def address(section: str, key: str) -> str:
    """Return the name of an option on the command line.

    >>> address('remote "storage"', "url"), address("core", "remote")
    ('remote.storage.url', 'core.remote')
    """
    kind, name = schema.split_section(section)
    return f"{kind}.{key}" if name is None else f"{kind}.{name}.{key}"


def is_secret(key: str) -> bool:
    """Whether the value of an option must never be shown."""
    return key in schema.SECRETS


def is_path(section: str, key: str) -> bool:
    """Whether the value of an option is a path (or a url, where that is allowed)."""
    return key in schema.PATHS.get(schema.split_section(section)[0], ())


def is_relative(value: str) -> bool:
    """Whether the value of a path option depends on where it stands: no url, not absolute, no known `~`."""
    return not (_URL.match(value) or posixpath.isabs(value) or posixpath.expanduser(value) != value)


def resolve_paths(values: Values, base: str) -> dict[str, dict[str, str]]:
    """Return the values of a file in the directory `base` with absolute paths; `~` is the home directory."""
    return {
        section: {
            key: resolve_path(value, base) if is_path(section, key) else value
            for key, value in options.items()
        }
        for section, options in values.items()
    }


def resolve_path(value: str, base: str) -> str:
    """Return the absolute path that `value` means in a file in the directory `base`; a url stays.

    >>> resolve_path("../data", "/repo/.dvc"), resolve_path("s3://bucket", "/repo/.dvc")
    ('/repo/data', 's3://bucket')
    """
    if is_relative(value):
        return posixpath.normpath(posixpath.join(base, value))
    return value if _URL.match(value) else posixpath.expanduser(value)


def saved_path(value: str, *, here: str, base: str) -> str:
    """Return how a path that was given in the directory `here` is written into a file in `base`.

    >>> saved_path("../data", here="/repo/sub", base="/repo/.dvc")
    '../data'
    """
    return posixpath.relpath(posixpath.join(here, value), base) if is_relative(value) else value
