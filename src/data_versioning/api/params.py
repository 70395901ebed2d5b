"""Parameters of an experiment, read from the file that the pipeline tracks."""

from __future__ import annotations

import os
from typing import Any, Self

from data_versioning.errors import FormatError, PathError
from data_versioning.formats import values, yamltext

__all__ = ["Params", "load_params"]

_ABSENT = object()


class Params(dict[str, Any]):
    """A dictionary whose nested values have dotted names, too: `params["train.epochs"]`, `params.train.epochs`.

    A key that itself holds dots comes first. A name that dictionaries use (`items`) is no attribute: write it in
    brackets.
    """

    @classmethod
    def of(cls, nested: dict[str, Any]) -> Self:
        """Return `nested` with all mappings in it made `Params`."""
        return cls({key: _dotted(value) for key, value in nested.items()})

    def __missing__(self, key: object) -> Any:
        try:
            return values.lookup(self, str(key))
        except KeyError:
            raise KeyError(self._lacks(key)) from None

    def __contains__(self, key: object) -> bool:
        return self.get(key, _ABSENT) is not _ABSENT

    def get(self, key: Any, default: Any = None) -> Any:
        """Return what is at the dotted `key`, `default` when nothing is."""
        try:
            return self[key]
        except KeyError:
            return default

    def __getattr__(self, name: str) -> Any:
        try:
            return dict.__getitem__(self, name)
        except KeyError:
            raise AttributeError(self._lacks(name)) from None

    def _lacks(self, key: object) -> str:
        return f"no parameter {key!r}; there are: {', '.join(map(str, self))}"


def load_params(path: str | os.PathLike[str] = "params.yaml", *keys: str) -> Params:
    """Return the nested values of a parameter file; the suffix tells YAML, JSON, TOML or Python.

    With `keys`, dotted as in `dvc.yaml` ("train.epochs"), return only these, each under its dotted name.
    Raises `PathError` when the file or a key is missing, `FormatError` with the line when the file cannot be
    understood.
    """
    file = os.fspath(path)
    found = values.parse(_text(file), suffix=os.path.splitext(file)[1], file=file)
    if not isinstance(found, dict):
        raise FormatError(f"a mapping is expected, not {yamltext.kind_of(found)}", file=file, line=1)
    return Params.of({key: _value(found, key, file) for key in keys} if keys else found)


def _dotted(value: Any) -> Any:
    if isinstance(value, dict):
        return Params.of(value)
    return [_dotted(item) for item in value] if isinstance(value, list) else value


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
