"""YAML through ruamel: slow to import and to run, but exactly what DVC does; comments and quotes stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RepresenterError, RoundTripRepresenter
from ruamel.yaml.scalarfloat import ScalarFloat

from data_versioning.errors import FormatError

# Besides its own errors, ruamel answers bad input with these.
_FAILURES = (
    YAMLError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RecursionError,
)

_WRITABLE = "use text, numbers, booleans, lists and mappings"

# Read back as a space or line end unless they are escaped.
_SEPARATORS = re.compile("[\x85\u2028\u2029]")


class _ExactRepresenter(RoundTripRepresenter):
    """ruamel's, without its losses: the last digit of 7.215400323407826e-07, and rare line separators."""

    def represent_text(self, data: str) -> ScalarNode:
        style = '"' if _SEPARATORS.search(data) else None
        node: ScalarNode = self.represent_scalar("tag:yaml.org,2002:str", data, style=style)
        return node

    def represent_scalar_float(self, data: ScalarFloat) -> ScalarNode:
        node = super().represent_scalar_float(data)
        if float(node.value.replace("_", "")) != data:
            node.value = repr(float(data))
        return node


_ExactRepresenter.add_representer(str, _ExactRepresenter.represent_text)
_ExactRepresenter.add_representer(ScalarFloat, _ExactRepresenter.represent_scalar_float)


def read(text: str, *, file: str) -> object:
    """Return plain values."""
    try:
        value: object = YAML(typ="safe", pure=True).load(text)
    except _FAILURES as error:
        raise _format_error(error, file) from error
    return value


def scalar(text: str, *, file: str) -> object:
    """Return a value that is written as it was typed: `1e-4` stays `1e-4`."""
    try:
        value: object = YAML(typ="rt").load(text)
    except _FAILURES as error:
        raise _format_error(error, file) from error
    return value


def try_read(text: str) -> tuple[object] | None:
    """Return the plain value in a tuple, or None when ruamel cannot read `text` either."""
    try:
        return (YAML(typ="safe", pure=True).load(text),)
    except _FAILURES:
        return None


def write(mapping: Mapping[str, object]) -> str:
    """Return the text of a new file; `FormatError` for values that YAML has no form for."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.Representer = _ExactRepresenter
    stream = StringIO()
    try:
        yaml.dump(mapping, stream)
    except (RepresenterError, RecursionError) as error:
        cause = str(error) if isinstance(error, RepresenterError) else "nested too deeply"
        raise FormatError(f"this cannot be written as YAML: {cause}", hint=_WRITABLE) from error
    return stream.getvalue()


def change(text: str, apply: Callable[[dict[str, Any]], object], *, file: str) -> str:
    """Return `text` with its mapping changed by `apply`; all else keeps its form."""
    try:
        values = YAML(typ="rt").load(text)
        apply(values)
        return write(values)
    except _FAILURES as error:
        raise _format_error(error, file) from error


def _format_error(error: BaseException, file: str) -> FormatError:
    if isinstance(error, RecursionError):
        return FormatError("nested too deeply", file=file)
    if isinstance(error, MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        problem = error.problem or error.context or "not YAML"
        return FormatError(problem.partition("\n")[0], file=file, line=mark.line + 1)
    return FormatError(str(error).partition("\n")[0] or "not YAML", file=file)
