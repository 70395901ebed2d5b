"""Templates by themselves; what they mean to DVC is tested with `resolve`."""

from __future__ import annotations

import contextlib
import doctest

import pytest

from data_versioning.pipeline import templates
from data_versioning.pipeline.templates import ANYTHING, COMMAND, SCALARS, Context, FlagStyle, Unresolved

VALUES = Context().extended({"a": {"b": [1, {"c": None}]}, "n": 2, 3: "dropped", "s": "x y"}, "params.yaml")


def test_doctests() -> None:
    assert doctest.testmod(templates).failed == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${n}", 2),
        ("${a}", {"b": [1, {"c": None}]}),
        ("${a.b[1].c}", None),
        ("${a[b][0]}", 1),
        ("${ n }-${a.b[1].c}", "2-None"),
        (r"\${n} ${n}", "${n} 2"),
        ("plain $ {n}", "plain $ {n}"),
    ],
)
def test_fill(text: str, value: object) -> None:
    assert templates.fill(text, VALUES, kinds=ANYTHING) == value
    assert (
        templates.fill({text: [text]}, VALUES, kinds=ANYTHING) == {value: [value]} if value.__hash__ else True
    )


@pytest.mark.parametrize(
    "text", ["${3}", "${a.b.c}", "${a.b[2]}", "${n.x}", "${}", "${a..b}", "${a[b}", "${a]}"]
)
def test_what_cannot_be_found(text: str) -> None:
    with pytest.raises(Unresolved):
        templates.fill(text, VALUES, kinds=ANYTHING)


def test_only_some_kinds_fit() -> None:
    with pytest.raises(Unresolved, match="dict cannot be put here"):
        templates.fill("${a}", VALUES, kinds=SCALARS)
    assert templates.fill("run ${a}", VALUES._replace(values={"a": {"x": 1}}), kinds=COMMAND) == "run --x 1"


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (FlagStyle(), "--on --items 1 'b c' --word 'x y' --none None"),
        (
            FlagStyle(bool="boolean_optional", list="append"),
            "--on --no-off --items 1 --items 'b c' --word 'x y' --none None",
        ),
    ],
)
def test_flags(flags: FlagStyle, text: str) -> None:
    value = {
        "on": True,
        "off": False,
        "items": [1, "b c"],
        "word": "x y",
        "none": None,
        "empty": [],
        "nested": {},
    }
    assert templates.to_text(value, flags) == text


def test_leaves_are_defined_once() -> None:
    more = VALUES.extended({"a": {"d": 1}}, "vars[0]")
    assert more.lookup("a.d") == 1 and more.lookup("a.b[0]") == 1
    with pytest.raises(Unresolved, match=r"cannot redefine 'a\.b' from vars\[1\], it is set in params\.yaml"):
        more.extended({"a": {"b": 2}}, "vars[1]")
    with pytest.raises(Unresolved, match=r"cannot redefine 'a\.d' from vars\[1\], it is set in vars\[0\]"):
        more.extended({"a": {"d": {}}}, "vars[1]")


def test_items_hide_and_are_reserved() -> None:
    inner = VALUES.with_items({"n": {"own": 1}})
    assert inner.lookup("n.own") == 1 and VALUES.lookup("n") == 2
    with pytest.raises(Unresolved, match="n cannot be set here"):
        inner.extended({"n": 3}, "vars[0]")


@pytest.mark.parametrize("text", ["${" * 200_000, "${" + "a ." * 200 + "]}", "${" + " " * 100_000 + "[}"])
def test_hostile_text_takes_linear_time(text: str) -> None:
    with contextlib.suppress(Unresolved):
        assert templates.fill(text, VALUES, kinds=ANYTHING) == text


def test_an_open_template_is_text() -> None:
    assert templates.fill("${n} ${n\n${n}", VALUES, kinds=ANYTHING) == "2 ${n\n2"


def test_templates_cannot_stand_for_too_much() -> None:
    context = Context().extended({"long": "x" * 1000, "many": list(range(1000))}, "vars")
    for value in ("${long}" * 100, ["${many}"] * 100):
        with pytest.raises(Unresolved, match="too much"):
            templates.fill(value, context, kinds=ANYTHING, room=templates.Room(50_000))
        assert templates.fill(value, context, kinds=ANYTHING, room=templates.Room(150_000))
