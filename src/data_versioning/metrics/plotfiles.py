"""What the files of plots hold: values of JSON, YAML, CSV and TSV files, bytes of images."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

from data_versioning.errors import DataVersioningError, FormatError
from data_versioning.formats import values, yamltext
from data_versioning.metrics.files import Files
from data_versioning.metrics.plots import is_picture

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_NESTED = frozenset({".json", ".toml", ".py", ".yaml", ".yml"})


def read(files: Files, path: str, *, name: str, header: bool) -> Any:
    """Return the content of a plot's file, which the user knows as `name`, or the error that reading it met.

    A table is a list of rows, mappings by column; without `header` the columns are "0", "1" and so on.
    """
    suffix = os.path.splitext(path)[1]
    try:
        if not (is_picture(path) or suffix in _DELIMITERS or suffix in _NESTED):
            raise UnknownKind(name)
        content = files.read(path)
        if is_picture(path):
            return content
        text = yamltext.decode(content, file=name)
        if suffix in _NESTED:
            return values.parse(text, suffix=suffix, file=name)
        return _table(text, _DELIMITERS[suffix], header=header, file=name)
    except DataVersioningError as error:
        return error


class UnknownKind(FormatError):
    """A file is neither a table, nor nested values, nor an image."""

    def __init__(self, file: str) -> None:
        super().__init__(
            "JSON, YAML, CSV, TSV and images can be plotted, no other files",
            file=file,
            hint="name files or directories of these: dv plots show PATH…",
        )


def _table(text: str, delimiter: str, *, header: bool, file: str) -> list[dict[Any, Any]]:
    # Excel begins what it exports with a mark that is no part of the first name.
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    try:
        if header:
            return list(csv.DictReader(lines, delimiter=delimiter))
        first = next(csv.reader(lines, delimiter=delimiter), [])
        lines.seek(0)
        return list(csv.DictReader(lines, [str(number) for number in range(len(first))], delimiter=delimiter))
    except csv.Error as error:
        raise FormatError(f"no table: {error}", file=file) from error
