"""Values from libyaml's events, with YAML 1.2 scalars; no recursion, so nesting cannot exhaust the stack.

What ruamel, which DVC reads with, could understand differently (tags, directives, tabs, timestamps, merge
keys, keys that are not scalars) is reported instead of guessed: `Document.needs_ruamel`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml
from yaml._yaml import CParser

from data_versioning.errors import FormatError
from data_versioning.formats import limits, scalars

MAX_ALIASED = 100_000  # values that aliases stand for, all together

_NO_KEY = object()


class YamlSyntaxError(FormatError):
    """libyaml cannot read the text."""


@dataclass(slots=True)
class _Container:
    """A mapping or sequence that is being filled; `size` counts the values in it, aliased ones too."""

    values: dict[object, object] | list[object]
    anchor: str | None
    size: int = 1
    key: object = _NO_KEY


@dataclass(slots=True)
class Document:
    """The one document of `text`, built event by event."""

    file: str
    needs_ruamel: bool = False
    value: object = None
    _stack: list[_Container] = field(default_factory=list)
    _anchors: dict[str, tuple[object, int] | None] = field(default_factory=dict)
    _aliased: int = 0
    _started: bool = False

    def feed(self, text: str) -> None:
        """Read all of `text`; raises `FormatError`, also when a limit is passed."""
        self.needs_ruamel = "\t" in text  # libyaml takes it for a space in more places
        event: yaml.Event | None = None
        try:
            parser = CParser(text)
            while (event := parser.get_event()) is not None:
                self._take(event)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = error.problem or error.context or "not YAML"
            line = mark.line + 1 if mark else None
            raise YamlSyntaxError(problem, file=self.file, line=line) from error
        except (yaml.YAMLError, ValueError) as error:
            line = _line(event) if event else None
            raise YamlSyntaxError(str(error).partition("\n")[0], file=self.file, line=line) from error

    def _take(self, event: yaml.Event) -> None:
        if type(event) is yaml.ScalarEvent:
            value = self._scalar(event)
            self._add(value, 1, event)
            if event.anchor is not None:
                self._anchors[event.anchor] = (value, 1)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._start(event)

    def _start(self, event: yaml.DocumentStartEvent) -> None:
        if self._started:
            raise self._error("a second document; one is expected", event)
        self._started = True
        if event.version or event.tags:
            self.needs_ruamel = True

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        text = event.value
        if event.tag is not None:
            self.needs_ruamel = True
            return text
        if not event.implicit[0] or (text and text[0] not in scalars.SPECIAL_FIRST):
            return text
        if text in scalars.WORDS:
            return scalars.WORDS[text]
        if scalars.FLOAT.fullmatch(text):
            return scalars.real(text)
        if text[0] != "_" and scalars.INT.fullmatch(text):
            return self._number(text, event)
        if text in ("<<", "=") or scalars.LOOKS_LIKE_DATE.match(text):
            self.needs_ruamel = True
        return text

    def _number(self, text: str, event: yaml.ScalarEvent) -> int:
        number = scalars.integer(text) if len(text) <= limits.MAX_BITS else None
        if number is None or number.bit_length() > limits.MAX_BITS:
            raise self._error(limits.TOO_BIG, event)
        return number

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if len(self._stack) >= limits.MAX_DEPTH:
            raise self._error(limits.TOO_DEEP, event)
        if event.tag is not None:
            self.needs_ruamel = True
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        values: dict[object, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append(_Container(values, event.anchor))

    def _close(self, event: yaml.Event) -> None:
        done = self._stack.pop()
        if done.anchor is not None:
            self._anchors[done.anchor] = (done.values, done.size)
        self._add(done.values, done.size, event)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            raise self._error(f"alias *{event.anchor} of an anchor that does not exist", event)
        known = self._anchors[event.anchor]
        if known is None:
            raise self._error(f"alias *{event.anchor} lies inside its own anchor", event)
        value, size = known
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise self._error(f"aliases multiply into more than {MAX_ALIASED} values", event)
        self._add(value, size, event)

    def _add(self, value: object, size: int, event: yaml.Event) -> None:
        if not self._stack:
            self.value = value
            return
        parent = self._stack[-1]
        parent.size += size
        if isinstance(parent.values, list):
            parent.values.append(value)
        elif parent.key is _NO_KEY:
            parent.key = self._key(value, parent.values, event)
        else:
            parent.values[parent.key] = value
            parent.key = _NO_KEY

    def _key(self, key: object, taken: dict[object, object], event: yaml.Event) -> object:
        if isinstance(key, (dict, list)):
            self.needs_ruamel = True
            return str(id(key))
        if key in taken:
            raise self._error(f"the key {key!r} appears twice", event)
        return key

    def _error(self, message: str, event: yaml.Event) -> FormatError:
        return FormatError(message, file=self.file, line=_line(event))


def _line(event: yaml.Event) -> int | None:
    return event.start_mark.line + 1 if event.start_mark else None
