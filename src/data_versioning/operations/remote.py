"""Set up and change remotes: only configuration, never data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning.errors import ConfigError, UsageError
from data_versioning.formats import config_schema as schema
from data_versioning.formats import configtext
from data_versioning.operations import config
from data_versioning.workspace.config_levels import Values
from data_versioning.workspace.config_paths import LEVELS

_DEFAULT = ("core", "remote")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A remote by name; `default` when commands use it without being told."""

    name: str
    url: str
    default: bool


def remotes(*, level: str | None = None) -> list[Remote]:
    """Return the remotes of one level, or of all together."""
    values = _values(level)
    default = values.get("core", {}).get("remote")
    return [
        Remote(name=name, url=options.get("url", ""), default=name == default)
        for kind, name, options in (
            (*schema.split_section(section), each) for section, each in values.items()
        )
        if kind == "remote" and name is not None
    ]


def default(*, level: str | None = None) -> str | None:
    """Return the name of the default remote."""
    return _values(level).get("core", {}).get("remote")


def add(
    name: str,
    url: str,
    *,
    default: bool = False,
    force: bool = False,
    level: str | None = None,
    argv: Sequence[str] = (),
) -> None:
    """Add a remote to one level; `force` replaces one of that name with all its options.

    Raises `UsageError` for a name that a configuration file cannot hold.
    """
    section = _new_section(name)

    def change(text: str, values: Values) -> str:
        if section in values and not force:
            raise ConfigError(
                f"remote '{name.lower()}' exists already", hint=f"dv remote add -f {name} {url}"
            )
        text = configtext.replace_section(text, section, {"url": config.stored(section, "url", url, level)})
        return configtext.edit(text, *_DEFAULT, name.lower()) if default else text

    config.save("remote add", {level or "repo": change}, argv=argv)


def modify(
    name: str, option: str, value: str | None, *, level: str | None = None, argv: Sequence[str] = ()
) -> None:
    """Set or remove (None) an option of a remote, which may be defined in a weaker level."""
    section = _section(name)

    def change(text: str, values: Values) -> str:
        _require(name, values, level)
        typed = None if value is None else config.stored(section, option, value, level)
        return configtext.edit(text, section, option, typed)

    setting = config.Name(section=section, option=option)
    config.save("remote modify", {level or "repo": change}, argv=argv, setting=setting)


def set_default(name: str | None, *, level: str | None = None, argv: Sequence[str] = ()) -> None:
    """Make a remote the default of one level; None: that level names none."""

    def change(text: str, values: Values) -> str:
        if name is not None:
            _require(name, values, level)
        return configtext.edit(text, *_DEFAULT, None if name is None else name.lower())

    config.save("remote default", {level or "repo": change}, argv=argv)


def remove(name: str, *, level: str | None = None, argv: Sequence[str] = ()) -> None:
    """Forget a remote, and that it was the default, in one level and in the stronger ones."""

    def forget_default(text: str, values: Values) -> str:
        return configtext.edit(text, *_DEFAULT, None) if _default_is(name, values) else text

    def change(text: str, values: Values) -> str:
        if _section(name) not in values:
            raise _unknown(name)
        return forget_default(configtext.replace_section(text, _section(name), None), values)

    changes = {level or "repo": change} | dict.fromkeys(_stronger(level), forget_default)
    config.save("remote remove", changes, argv=argv)


def rename(name: str, new: str, *, level: str | None = None, argv: Sequence[str] = ()) -> None:
    """Give a remote another name, also where it is the default, in one level and in the stronger ones.

    Raises `UsageError` for a name that a configuration file cannot hold.
    """
    if _new_section(new) in config.merged():
        raise ConfigError(f"remote '{new}' exists already", hint=f"dv remote remove {new}")

    def rename_default(text: str, values: Values) -> str:
        return configtext.edit(text, *_DEFAULT, new.lower()) if _default_is(name, values) else text

    def change(text: str, values: Values) -> str:
        if _section(name) not in values:
            raise _unknown(name)
        return rename_default(configtext.rename_section(text, _section(name), _new_section(new)), values)

    changes = {level or "repo": change} | dict.fromkeys(_stronger(level), rename_default)
    config.save("remote rename", changes, argv=argv)


def _section(name: str) -> str:
    return schema.named("remote", name)


def _new_section(name: str) -> str:
    """Return the section of a remote to be made."""
    if not name.strip():
        raise UsageError("the name of a remote cannot be empty", hint="dv remote add NAME URL")
    # A section's name with a quotation mark has to be put into the other kind, and it has double ones already.
    if "'" in name or not name.isprintable():
        raise UsageError(
            f"{name!r} cannot be the name of a remote: it contains a quotation mark or control character",
            hint="choose a name of letters, digits, - and _",
        )
    return _section(name)


def _values(level: str | None) -> Values:
    return config.of_level(level) if level else config.merged()


def _require(name: str, values: Values, level: str | None) -> None:
    """Raise `ConfigError` unless the remote is in this level or in a weaker one."""
    if _section(name) not in values and _section(name) not in config.merged(below=level or "repo"):
        raise _unknown(name)


def _default_is(name: str, values: Values) -> bool:
    return values.get("core", {}).get("remote", "").lower() == name.lower()


def _stronger(level: str | None) -> tuple[str, ...]:
    return LEVELS[LEVELS.index(level or "repo") + 1 :] if config.find_root() else ()


def _unknown(name: str) -> ConfigError:
    return ConfigError(f"remote '{name.lower()}' doesn't exist", hint="dv remote list")
