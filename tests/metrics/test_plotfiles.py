from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_versioning.errors import DataVersioningError, FormatError, PathError
from data_versioning.metrics import plotfiles
from data_versioning.metrics.files import Files
from data_versioning.objects.cache import ObjectCache
from tests.metrics.test_read import Texts


def read(name: str, content: str | bytes, *, header: bool = True) -> Any:
    texts = Texts({name: content})
    files = Files(texts, texts.below, {}, ObjectCache(base=str(Path("nowhere")), durable=False))
    return plotfiles.read(files, name, name=name, header=header)


def test_tables() -> None:
    rows = [{"a": "1", "b": "x,y"}, {"a": "2", "b": "z"}]
    assert read("t.csv", 'a,b\r\n1,"x,y"\r\n2,z\r\n') == rows
    assert read("t.tsv", "a\tb\n1\tx,y\n2\tz\n") == rows
    assert read("t.csv", "1,2\n3,4\n", header=False) == [{"0": "1", "1": "2"}, {"0": "3", "1": "4"}]
    assert read("t.tsv", "1\t2\n", header=False) == [{"0": "1", "1": "2"}]
    assert read("t.csv", "") == read("t.csv", "", header=False) == []


def test_a_table_of_excel_begins_with_a_mark() -> None:
    assert read("t.csv", "\ufeffa,b\n1,2\n") == [{"a": "1", "b": "2"}]
    assert read("t.csv", "\ufeff1,2\n", header=False) == [{"0": "1", "1": "2"}]


def test_values_and_images() -> None:
    assert read("t.json", '{"a": [1]}') == {"a": [1]}
    assert read("t.yaml", "- a: 1e-3\n") == [{"a": 0.001}]
    assert read("t.svg", b"\xff<svg/>") == b"\xff<svg/>"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("t.csv", b"a\n\xff\n", FormatError),
        ("t.csv", "a\n" + "x" * 200_000, FormatError),
        ("t.json", "{", FormatError),
        ("t.yaml", "a: [", FormatError),
        ("t.json", "[" * 100_000, FormatError),
        ("t.txt", "a", plotfiles.UnknownKind),
        ("t", "a", plotfiles.UnknownKind),
    ],
)
def test_what_cannot_be_read_is_an_error_in_its_place(
    name: str, content: str | bytes, kind: type[DataVersioningError]
) -> None:
    found = read(name, content)
    assert isinstance(found, kind)
    assert name in found.message
    assert found.hint


def test_nul_is_a_character_as_any_other() -> None:
    assert read("t.csv", "a,b\n1,\0\n") == [{"a": "1", "b": "\0"}]


def test_a_file_that_is_not_there() -> None:
    texts = Texts()
    files = Files(texts, texts.below, {}, ObjectCache(base="nowhere", durable=False))
    assert isinstance(plotfiles.read(files, "t.csv", name="t.csv", header=True), PathError)
