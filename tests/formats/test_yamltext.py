"""YAML: the values and the bytes must be those of DVC's own reader and writer."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
import tracemalloc
import warnings

import pytest
from dvc.utils.collections import apply_diff
from dvc.utils.serialize import dumps_yaml, parse_yaml, parse_yaml_for_update
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_versioning.errors import FormatError
from data_versioning.formats import limits, roundtrip, yamltext

warnings.filterwarnings("ignore", module="ruamel")

_SCALARS = (
    "1e-3 1e3 1E5 1.e3 .5 .5e3 .5e+3 -.5 +1.5 1_000 1_0.5_0 0o17 017 09 0_8 0b101 0b_1 0x1F 0xdead_beef "
    "-0x1 +0o7 on off yes no y n On true True TRUE tRUE false null Null NULL nUll ~ .inf -.inf +.INF .Inf "
    ".nan .NaN .NAN -.nan 2001-01-01 2001-1-1 2001-12-14T21:59:43.10-05:00 2001-12-14 12:00 190:20:30 "
    "1:30 _ _1 1_ +_1 -_ + - . .. ... 0 -0 00 +1 0b 0o 0x 0b2 0o8 0xg 1e 1e+ e3 1.2.3 v1.0 1.0 = << @ a=b "
    'a:b :a ?a -a !x "1" \'1\' "\\x41" "\\udcff" 1e1000 1e-1000 12345678901234567890 99999999999999999999.0 '
    "1__0 1._0 ._ ._0 infinity nan inf None "
)
SCALARS = _SCALARS.split()


def dvc_reads(text: str) -> object:
    """What DVC finds in `text`; the error's class when it refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse_yaml(text, "x.yaml")
    except Exception as error:
        return type(error)


def we_read(text: str) -> object:
    try:
        return yamltext.read(text, file="x.yaml") or {}
    except FormatError as error:
        return FormatError if error.file else error


def same(ours: object, theirs: object) -> bool:
    """Equal in value, type and order of keys; NaN equals NaN."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return (
            len(ours) == len(theirs)
            and all(same(a, b) for a, b in zip(ours, theirs, strict=True))
            and all(same(a, b) for a, b in zip(ours.values(), theirs.values(), strict=True))
        )
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours):
        return math.isnan(theirs)
    return type(ours) is type(theirs) and ours == theirs


def assert_read_alike(text: str) -> None:
    ours, theirs = we_read(text), dvc_reads(text)
    if isinstance(theirs, type):
        assert ours is FormatError, (text, ours, theirs)
    else:
        assert same(ours, theirs), (text, ours, theirs)


@pytest.mark.parametrize("scalar", SCALARS)
def test_scalar_is_read_as_by_dvc(scalar: str) -> None:
    for text in (
        f"a: {scalar}\n",
        f"{scalar}: a\n",
        f"- {scalar}\n",
        f"[{scalar}]\n",
        f"a: {{b: {scalar}}}\n",
    ):
        assert_read_alike(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "---\n",
        "a: 1\n...\n",
        "--- a\n--- b\n",
        "---\n---\na: 1\n",
        "a: 1\na: 2\n",
        "1: a\n1.0: b\n",
        "a:\n",
        "a: |\n  x\n   y\n\nb: >-\n  x\n  y\n\n  z\n",
        "%YAML 1.1\n---\na: on\nb: 017\n",
        "%YAML 1.2\n---\na: on\n",
        "base: &b {x: 1, y: [1]}\nd: {<<: *b, y: 2}\ne: *b\n",
        "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc:\n  <<: [*a, *b]\n  y: 4\n",
        "a: {<<: 1}\n",
        "a: {<<: {x: 1}, <<: {y: 1}}\n",
        "a: &x 1\nb: *x\nc: &x 2\nd: *x\n",
        "&k a: 1\nb: *k\n",
        "a: *x\n",
        "a: !!str 1\nb: !!int '3'\nc: !!float 1\nd: !!binary aGk=\n",
        "a: !custom x\n",
        "a: !!python/object/apply:os.system [ls]\n",
        "!!omap [a: 1, b: 2]\n",
        "!!set {a, b}\n",
        "? [a, b]\n: 1\n",
        "? a\n? b\n",
        "[a, [b, {c: d}]]\n",
        "a: 2001-01-01\nb: 1\n",
        "a: '2001-01-01'\n",
        "a:\tb\n",
        "\ta: b\n",
        "a: [1,\t2]\n",
        "a: 'x\n  y'\n",
        'a: "x\\\n  y\\u263a\\U0001F600"\n',
        'a: "\\udcff"\n',
        "a: b: c\n",
        "a: [1\n",
        "a: @x\n",
        "a: b\r\nc: d\r\n",
        "\ufeffa: 1\n",
        "a: \x07\n",
        "ключ: значение\n",
        "😀: 😀\n",
        "a:  # comment\n  - b # c\n",
        "a: b #c\nd: b#c\n",
        "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n",
    ],
)
def test_document_is_read_as_by_dvc(text: str) -> None:
    assert_read_alike(text)


WORDS = st.text(alphabet="ab01._-+eExX~ :#,'\"é\n", max_size=8)
# DVC writes these so that they read back as something else.
NO_SEPARATORS = st.characters(blacklist_characters="\x85\u2028\u2029", blacklist_categories=["Cs"])
PLAIN_SCALARS = st.one_of(
    st.sampled_from(SCALARS),
    st.from_regex(r"[-+]?[0-9_.]{1,6}([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9/._ -]{0,10}[a-z]", fullmatch=True),
)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.from_regex(r"[a-z]{1,3}", fullmatch=True), PLAIN_SCALARS), max_size=4))
def test_mappings_of_plain_scalars_are_read_as_by_dvc(items: list[tuple[str, str]]) -> None:
    assert_read_alike("".join(f"{key}: {value}\n" for key, value in items))


# DVC loses the last digit of the others when it writes them again.
FLOATS = st.floats(allow_nan=False).filter(lambda number: not {".", "e"} <= set(repr(number)))
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), FLOATS, WORDS, PLAIN_SCALARS,
    st.text(NO_SEPARATORS, max_size=100),
    st.from_regex(r"[0-9a-f]{32}", fullmatch=True), st.from_regex(r"[0-9]{1,20}e[0-9]{1,11}", fullmatch=True),
    st.lists(st.from_regex(r"[a-z/=.,-]{1,15}", fullmatch=True), max_size=12).map(" ".join),
)  # fmt: skip
KEYS = st.one_of(st.from_regex(r"[a-z_.]{1,10}", fullmatch=True), PLAIN_SCALARS, WORDS)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)
MAPPINGS = st.dictionaries(KEYS, TREES, min_size=1, max_size=5)


# What pointer and lock files are mostly made of: the fast path.
USUAL_LEAVES = st.one_of(
    st.booleans(), st.integers(0, 10**15), st.sampled_from([0.5, -1.25, 0.001, 1e-05, 3e20, -2e-12]),
    st.from_regex(r"[0-9a-f]{32}(\.dir)?", fullmatch=True),
    st.sampled_from(["2.0", "1e5", "0x1", "true", "~", "on"]),
    st.from_regex(r"[A-Za-z_./][A-Za-z0-9_./=,+@%-]{0,40}( [A-Za-z0-9_./=,+@%-]{1,9}){0,4}", fullmatch=True),
)  # fmt: skip
USUAL_KEYS = st.from_regex(r"[a-z_][a-z0-9_./@-]{0,12}", fullmatch=True)
USUAL = st.dictionaries(
    USUAL_KEYS,
    st.recursive(
        USUAL_LEAVES,
        lambda inner: st.one_of(
            st.dictionaries(USUAL_KEYS, inner, min_size=1, max_size=3),
            st.lists(
                st.one_of(USUAL_LEAVES, st.dictionaries(USUAL_KEYS, inner, min_size=1, max_size=3)),
                min_size=1, max_size=3,
            ),
        ),
        max_leaves=8,
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=300)
@given(USUAL, USUAL)
def test_fast_path_writes_what_dvc_writes(before: dict[str, object], after: dict[str, object]) -> None:
    text = dumps_yaml(before)
    assert yamltext.write(before) == text
    for wanted in (after, {**before, **after}):
        assert yamltext.edit(text, wanted, file="x") == dvc_edits(text, wanted)


def test_usual_files_need_no_ruamel() -> None:
    code = (
        "import sys; from data_versioning.formats import dvcfile, lockfile\n"
        "out = dvcfile.Output(path='data', md5='5' * 31 + 'a.dir', size=6, nfiles=2)\n"
        "text = dvcfile.dump(dvcfile.DvcFile(outs=(out,)))\n"
        "dvcfile.update(text, dvcfile.parse(text, file='x'))\n"
        "params = {'params.yaml': {'lr': 0.1}}\n"
        "stage = lockfile.LockedStage(cmd='python train.py', outs=(out,), params=params)\n"
        "lockfile.update(lockfile.update(None, 'train', stage), 'test', stage)\n"
        "sys.exit(any(name in sys.modules for name in ('ruamel.yaml', 'configobj', 'difflib', 'hashlib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=250)
@given(MAPPINGS)
@example({"a": "x" * 90})
@example({"a": "x" * 40 + " " + "y" * 40})
@example({"path": "a: b"})
@example({"path": "- a"})
@example({"path": os.fsdecode(b"\xff.bin")})
@example({"schema": "2.0"})
@example({"a": [1e-05, 1e16, 1.5, -0.0, 123456789.125]})
def test_new_text_is_what_dvc_writes(mapping: dict[str, object]) -> None:
    assert yamltext.write(mapping) == dumps_yaml(mapping)


@settings(max_examples=150)
@given(MAPPINGS)
def test_what_is_written_is_read_back(mapping: dict[str, object]) -> None:
    text = yamltext.write(mapping)
    assert same(yamltext.read(text, file="x"), mapping)
    assert same(roundtrip.read(text, file="x"), mapping)


ODD_TEXT = st.one_of(
    st.text(st.characters(), max_size=12),
    st.text(
        "\n\r\t \x85\u2028\u2029\ufeff\x7f\xa0\0a#:-'\"\\?|>*!%@`,[]{}<=~\udcff\ud800\U0001f600", max_size=10
    ),
    st.text("ab \n'", max_size=120),
)


@settings(max_examples=400)
@given(ODD_TEXT)
@example("\x85")
@example("&\udcff")
def test_any_text_survives(text: str) -> None:
    for mapping in ({"k": text}, {"k": [text]}, {text: 1}):
        assert yamltext.read(yamltext.write(mapping), file="x") == mapping


def dvc_edits(text: str, mapping: dict[str, object]) -> str:
    data = parse_yaml_for_update(text, "x.yaml")
    apply_diff(mapping, data)
    return str(dumps_yaml(data))


@settings(max_examples=150)
@given(MAPPINGS, MAPPINGS)
def test_edit_of_written_text_is_what_dvc_writes(before: dict[str, object], after: dict[str, object]) -> None:
    mixed = {**before, **after}
    for wanted in (after, mixed, before):
        text = dumps_yaml(before)
        if not isinstance(dvc_reads(text), dict):
            continue
        assert yamltext.edit(text, wanted, file="x") == dvc_edits(text, wanted)


@pytest.mark.parametrize(
    "text",
    [
        "# top\nouts:\n# above\n- md5: 'abc'  # beside\n  path: \"data\"\n\n\n# end\n",
        "outs:\n    - md5: abc\n      size: 0x10\n      path: data\n",
        "{outs: [{md5: abc, path: data}], desc: x}\n",
        "desc: >\n  folded\n  text\nouts:\n- path: data # c\n",
        "desc: |\n  literal\n  text\nmeta:\n  lr: 1e-3\n  x: 0.10\nouts: []\n",
        "meta: {a: &a [1, 2], b: *a}\nouts:\n- path: data\n",
        "path: data\r\nouts:\r\n- path: x # c\r\n",
    ],
)
def test_comments_order_and_quotes_stay_as_dvc_keeps_them(text: str) -> None:
    wanted = {
        "outs": [{"md5": "def", "size": 3, "hash": "md5", "path": "data"}],
        "meta": {"lr": 0.001, "new": [1, {"a": None}]},
        "desc": "folded text\n",
    }
    assert yamltext.edit(text, wanted, file="x") == dvc_edits(yamltext.unix_lines(text), wanted)


def test_what_yaml_has_no_form_for_is_refused() -> None:
    for value in (object(), lambda: 1):
        with pytest.raises(FormatError, match="cannot be written as YAML"):
            yamltext.write({"meta": {"a": value}})


@pytest.mark.parametrize(
    "value", [".nan", ".inf", "-.inf", "1_000.5", "1.5e1_0", "+1e3", "0x1_0", "12e03", "1.e3", "0.0"]
)
def test_numbers_keep_their_form(value: str) -> None:
    text = f"a: {value} # c\nb: 1\n"
    wanted = {**parse_yaml(text, "x"), "b": 2}
    assert yamltext.edit(text, wanted, file="x") == dvc_edits(text, wanted)


def test_no_digit_of_a_float_is_lost() -> None:
    text = "a: 7.215400323407826e-07   # c\nb: 1e-3\n"
    assert float(dvc_edits(text, {"a": 7.215400323407826e-07, "b": 1}).split()[1]) != 7.215400323407826e-07
    edited = yamltext.edit(text, {"a": 7.215400323407826e-07, "b": 0.001, "c": 1}, file="x")
    assert edited == "a: 7.215400323407826e-07   # c\nb: 1e-3\nc: 1\n"


def test_values_that_do_not_differ_keep_their_form() -> None:
    text = "# c\na: 0x10   # sixteen\nb: 'quoted'\nd: [1,   2]\n"
    assert yamltext.edit(text, {"a": 17, "b": "quoted", "d": [1, 2]}, file="x").splitlines()[2:] == [
        "b: quoted",
        "d: [1, 2]",
    ]


HOSTILE = {
    "laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)),
    "merge laughs": "a: &a {x: 1}\n"
    + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [{','.join(['*' + chr(97 + i)] * 9)}]}}\n" for i in range(12)
    ),
    "deep flow": "a: " + "[" * 200_000,
    "deep block": "- " * 200_000 + "a",
    "deep indent": "\n".join(" " * i + "a:" for i in range(2_000)),
    "deep after a bad escape": 'a: "\\udcff"\nb: ' + "[" * 100_000,
    "contains itself": "a: &a [*a]",
    "unknown alias": "a: *b",
    "tab": "\ta: 1",
    "nul": "a: \0",
    "half a surrogate": "a: \udcff",
    "huge number": "a: " + "9" * 100_000,
    "not a number": "a: 0x_",
    "open": "a: {",
    "twice": "a: 1\na: 2",
    "two documents": "a: 1\n---\nb: 2",
    "tag": "a: !!python/object/apply:os.system [echo]",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_quickly(name: str) -> None:
    begun = time.process_time()
    tracemalloc.start()
    with pytest.raises(FormatError) as caught:
        yamltext.read(HOSTILE[name], file="evil.dvc")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value).startswith("evil.dvc:"), caught.value
    assert time.process_time() - begun < 10
    assert peak < 50_000_000


def test_huge_scalar_is_just_long() -> None:
    assert yamltext.read("a: " + "x" * 5_000_000, file="x") == {"a": "x" * 5_000_000}


def test_error_names_the_line() -> None:
    with pytest.raises(FormatError) as caught:
        yamltext.read("a: 1\nb: [\n", file="dvc.lock")
    assert (caught.value.file, caught.value.line) == ("dvc.lock", 3)


def test_invalid_utf8_names_the_line() -> None:
    with pytest.raises(FormatError, match=re.escape("x.dvc:2: not valid UTF-8")):
        yamltext.decode(b"a: 1\nb: \xff\n", file="x.dvc")


def test_nesting_up_to_the_limit_is_read() -> None:
    deepest = limits.MAX_DEPTH
    assert we_read("[" * deepest + "]" * deepest) == dvc_reads("[" * deepest + "]" * deepest)


@pytest.mark.parametrize("text", ["a: [1", "a: 1\na: 2", "[" * 200, "- x"])
def test_the_hint_names_the_file(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        yamltext.read_mapping(text, file="sub/data.dvc")
    assert caught.value.hint == "correct it, or take the file back from Git: git checkout -- sub/data.dvc"


def test_both_sides_of_a_merge_are_told_with_the_way_out() -> None:
    text = "outs:\n<<<<<<< ours\n- md5: a\n=======\n- md5: b\n>>>>>>> theirs\n  path: data\n"
    with pytest.raises(FormatError, match=r"^data\.dvc:2: both sides of a merge are in it$") as caught:
        yamltext.read(text, file="data.dvc")
    assert "git checkout --ours -- data.dvc" in str(caught.value.hint)
