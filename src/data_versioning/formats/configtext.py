"""The text of `.dvc/config`: INI as configobj understands it.

A file without comments is written as DVC writes it: sections with a name last, four spaces, relative paths in
their shortest form. In a file with comments, which DVC would drop, everything else stays as it is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from configobj import ConfigObj, ConfigObjError, ParseError

from data_versioning.errors import ConfigError
from data_versioning.formats import config
from data_versioning.formats import config_schema as schema

MAX_CHARACTERS = 1 << 18
# Each may stand for text with more of them; this many cannot multiply into something huge.
_MOST_REFERENCES = 20
_ENDLESS = re.compile(r"[^\n]{10001}|\[[^\n]{1001}")
_UNREADABLE = "correct it by hand, or take the file back from Git: git checkout -- {file}"


def read(text: str, *, file: str) -> dict[str, dict[str, str]]:
    """Return the sections with lower-case names and keys; a list of values is joined with commas."""
    found: dict[str, dict[str, str]] = {}
    try:
        sections = _load(text, file, interpolation=True).dict()
    except ConfigObjError as error:  # a "%(name)s" of an option that does not exist
        raise _unreadable(str(error), file) from error
    for section, options in sections.items():
        if not isinstance(options, Mapping):
            raise _unreadable(f"{section!r} stands outside of a section", file)
        found[_normal(section)] = {
            key.lower(): _text(value, section, key, file) for key, value in options.items()
        }
    return found


def _text(value: object, section: str, key: str, file: str) -> str:
    if isinstance(value, str):
        return value
    name = config.address(_normal(section), key.lower())
    if not isinstance(value, list):
        raise _unreadable(f"{name}: a section inside a section", file)
    if key.lower() != "type":
        raise _unreadable(f"{name}: a value with a comma needs quotes", file)
    return ",".join(value)


def edit(text: str, section: str, key: str, value: str | None, *, file: str = "") -> str:
    """Return `text` with one option set, or removed when `value` is None.

    The value is written as it is: see `config.saved_path` for paths. Raises `ConfigError` for a value that
    could not be read again.
    """
    if value is not None and "%(" in value:
        raise ConfigError(
            f"{config.address(section, key)}: a value cannot contain '%('", hint="use another value"
        )

    def apply(sections: Any) -> None:
        if value is not None:
            _open(sections, section)[_find(sections.get(_find(sections, section), {}), key)] = value
        elif (found := _find(sections, section)) in sections:
            sections[found].pop(_find(sections[found], key), None)

    return _change(text, apply, file)


def replace_section(text: str, section: str, options: Mapping[str, str] | None, *, file: str = "") -> str:
    """Return `text` with exactly these options in a section, or without it when they are None."""

    def apply(sections: Any) -> None:
        found = _find(sections, section)
        if options is None:
            sections.pop(found, None)
            return
        inside = _open(sections, section)
        inside.clear()
        inside.update(options)

    return _change(text, apply, file)


def rename_section(text: str, section: str, new: str, *, file: str = "") -> str:
    """Return `text` with the section under another name, in place of one that has it; else at the end."""

    def apply(sections: Any) -> None:
        found = _find(sections, section)
        if found in sections:
            options = dict(sections.pop(found))
            inside = _open(sections, new)
            inside.clear()
            inside.update(options)

    return _change(text, apply, file)


def _load(text: str, file: str, *, interpolation: bool) -> Any:
    # configobj needs quadratic time for lines that are made for it.
    if len(text) > MAX_CHARACTERS or _ENDLESS.search(text):
        raise _unreadable("too big for a configuration file", file)
    if text.count("%(") > _MOST_REFERENCES:
        raise _unreadable(f"more than {_MOST_REFERENCES} references like '%(name)s'", file)
    try:
        return ConfigObj(StringIO(text), interpolation=interpolation)
    except ConfigObjError as error:
        raise _unreadable(_cause(error), file) from None  # a traceback would show the line, too
    except RecursionError as error:
        raise _unreadable("nested too deeply", file) from error


def _cause(error: ConfigObjError) -> str:
    """Return what is wrong where, without the line itself: a secret may stand in it."""
    first = getattr(error, "errors", [error])[0]
    if not isinstance(first, ParseError):
        return str(first).rstrip(".")
    return f"neither a section nor an option with a good value at line {first.line_number}"


def _unreadable(message: str, file: str) -> ConfigError:
    return ConfigError(
        f"{file}: {message}" if file else message, hint=_UNREADABLE.format(file=file or "FILE")
    )


def _normal(section: str) -> str:
    kind, name = schema.split_section(section.lower())
    return kind if name is None else schema.named(kind, name)


def _find(mapping: Mapping[str, object], name: str) -> str:
    """Return the key under which `name` stands, whatever its case and white space; else `name`."""
    return next((key for key in mapping if _normal(key) == name), name)


def _open(sections: Any, section: str) -> Any:
    """Return a section, made where DVC would put it: plain ones before those with a name."""
    found = _find(sections, section)
    if found not in sections:
        sections[found] = {}
        if isinstance(sections, ConfigObj) and schema.split_section(section)[1] is None:
            plain = [name for name in sections.sections if schema.split_section(name)[1] is None]
            sections.sections = plain + [name for name in sections.sections if name not in plain]
    return sections[found]


def _change(text: str, apply: Callable[[Any], None], file: str) -> str:
    sections = _load(text, file, interpolation=False)
    if not _has_comments(sections):
        sections = sections.dict()
        apply(sections)
        sections = ConfigObj(_as_dvc_writes(sections), interpolation=False)
    else:
        apply(sections)
    try:
        lines = sections.write()
    except ConfigObjError as error:
        raise ConfigError(str(error), hint="use a value without that mix of quotes") from error
    return "\n".join(lines) + "\n"


def _has_comments(section: Any) -> bool:
    lines = [*getattr(section, "initial_comment", ()), *getattr(section, "final_comment", ())]
    lines += [line for above in section.comments.values() for line in above]
    lines += [line for line in section.inline_comments.values() if line]
    return any("#" in line for line in lines) or any(
        _has_comments(section[name]) for name in section.sections
    )


def _as_dvc_writes(sections: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    named: dict[str, dict[str, Any]] = {kind: {} for kind in schema.NAMED}
    for section, options in sections.items():
        kind, name = schema.split_section(_normal(section))
        into = plain if name is None else named[kind]
        if options or name is not None:
            into[_normal(section)] = _with_short_paths(_normal(section), options)
    for by_name in named.values():
        plain |= by_name
    return plain


def _with_short_paths(section: str, options: object) -> object:
    if not isinstance(options, Mapping):
        return options
    return {
        key.lower(): _short(value) if config.is_path(section, key.lower()) else value
        for key, value in options.items()
    }


def _short(value: object) -> object:
    return posixpath.normpath(value) if isinstance(value, str) and config.is_relative(value) else value
