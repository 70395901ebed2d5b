"""Parameter files in JSON, TOML and Python: what DVC finds in them, and no code is run."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterable

from data_versioning.errors import FormatError

_TOML_LINE = re.compile(r"\(at line (\d+)")


def read_json(text: str, *, file: str) -> object:
    """Return the value of a JSON file."""
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(error.msg, file=file, line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise FormatError(_cause(error), file=file) from error
    return value


def read_toml(text: str, *, file: str) -> object:
    """Return the mapping of a TOML file."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        line = int(found[1]) if (found := _TOML_LINE.search(str(error))) else None
        raise FormatError(_cause(error), file=file, line=line) from error


def read_python(text: str, *, file: str) -> object:
    """Return the constants assigned in a Python file.

    Names assigned at the top, classes as mappings of what is assigned in their body or to `self` in
    `__init__`. What is not a constant is left out.
    """
    try:
        return _assignments(ast.parse(text).body)
    except SyntaxError as error:
        raise FormatError(error.msg, file=file, line=error.lineno) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise FormatError(_cause(error), file=file) from error


def _cause(error: BaseException) -> str:
    return str(error) if isinstance(error, ValueError) else "nested too deeply"


def _assignments(body: Iterable[ast.stmt], *, in_init: bool = False) -> dict[str, object]:
    found: dict[str, object] = {}
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            found[statement.name] = _assignments(statement.body)
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            found |= _assignments(statement.body, in_init=True)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            found |= _constant(statement, in_init=in_init)
    return found


def _constant(statement: ast.Assign | ast.AnnAssign, *, in_init: bool) -> dict[str, object]:
    targets = [statement.target] if isinstance(statement, ast.AnnAssign) else statement.targets
    name = _name(targets[0], in_init=in_init) if len(targets) == 1 else None
    if name is None or statement.value is None:
        return {}
    try:
        return {name: ast.literal_eval(statement.value)}
    except (ValueError, TypeError):
        return {}


def _name(target: ast.expr, *, in_init: bool) -> str | None:
    if isinstance(target, ast.Name):
        return None if in_init else target.id
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        return target.attr
    return None
