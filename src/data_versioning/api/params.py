"""Parameters of an experiment, read from the file that the pipeline tracks."""

from __future__ import annotations

import os
from typing import Any

from data_versioning.errors import FormatError, PathError
from data_versioning.formats import values, yamltext


def load_params(path: str | os.PathLike[str] = "params.yaml", *keys: str) -> dict[str, Any]:
    """Return the nested values of a parameter file; the suffix tells YAML, JSON, TOML or Python.

    With `keys`, dotted as in `dvc.yaml` ("train.epochs"), return only these, each under its dotted name.
    Raises `PathError` when the file or a key is missing, `FormatError` with the line when the file cannot be
    understood.
    """
    file = os.fspath(path)
    found = values.parse(_text(file), suffix=os.path.splitext(file)[1], file=file)
    if not isinstance(found, dict):
        raise FormatError(f"a mapping is expected, not {yamltext.kind_of(found)}", file=file, line=1)
    return {key: _value(found, key, file) for key in keys} if keys else found


def _text(file: str) -> str:
    try:
        with open(file, "rb") as stream:
            return yamltext.decode(stream.read(), file=file)
    except OSError as error:
        hint = "name the parameter file, relative to the current directory: load_params('params.yaml')"
        raise PathError(f"cannot read parameters from {file!r}: {error.strerror}", hint=hint) from error


def _value(found: dict[str, Any], key: str, file: str) -> object:
    try:
        return values.lookup(found, key)
    except KeyError:
        hint = f"the file has: {', '.join(map(str, found))}"
        raise PathError(f"{file!r} has no parameter {key!r}", hint=hint) from None
