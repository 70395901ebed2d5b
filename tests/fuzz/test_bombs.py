"""A megabyte made to cost much: read, or refused, in a few seconds; and what was found by damaging files at random."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_versioning.errors import DataVersioningError
from data_versioning.formats import config, dirfile
from data_versioning.workspace.ignore import IgnoreRules
from tests.fuzz.subjects import SUBJECTS
from tests.fuzz.test_formats import feed, limited

SIZE = 1_000_000
OUT = "outs:\n- path: d\n  md5: d41d8cd98f00b204e9800998ecf8427e\n"
IMPORT = "deps:\n- path: x\n  repo: {url: u}\n" + OUT


def fill(text: str) -> str:
    return (text * (SIZE // len(text) + 1))[:SIZE]


def stage(cmd: str) -> str:
    return f'stages:\n  a:\n    cmd: "{cmd}"\n'


def axis(name: str, count: int) -> str:
    return f"{name}: [{','.join(map(str, range(count)))}]"


ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
YAML = (
    ALIASES, fill("["), fill("{"), fill("- "), fill("? "), fill("a: "), fill("&a "),
    f"x: [{fill('&a x, *a, ')}]", "a" * SIZE + ": 1",
    fill("a.") + ": 1", fill(" "), fill("\n"), fill("'"),
    "x: " + "9" * SIZE, "size: 0x" + "f" * SIZE, "x: " + fill("1_") + "x",
    fill("---\n"), "".join(" " * depth + "a:\n" for depth in range(1400)),
    "".join(f"k{n}: 1\n" for n in range(90_000)),
    "x: |\n" + fill(" a\n"), "wdir: " + fill("a/") + "\n",
)  # fmt: skip
PIPELINES = (
    f"stages:\n  a:\n    matrix: {{{', '.join(axis(name, 100) for name in 'abcdef')}}}\n    cmd: x\n",
    f"stages:\n  a:\n    foreach: [{','.join(map(str, range(5000)))}]\n    do: {{cmd: '{'${item}' * 10_000}'}}\n",
    f"vars: [{{x: {'y' * 400_000}}}]\n" + stage("${x}" * 100_000),
    f"vars: [{{x: {{{','.join(f'k{n}: 1' for n in range(5000))}}}}}]\n" + stage("${x} " * 5000),
    stage(fill("${")), stage("${" + "a ." * 100 + "]}"), stage("${" + " " * 100_000 + "[}"),
    "vars:\n" + "".join(f"- k{n}: 1\n" for n in range(60_000)),
)  # fmt: skip
IGNORES = (
    fill("*"), "*a" * 100 + "b", fill("**/") + "x", "a/**/" * 20 + "b", "**/a*/" * 30 + "b",
    "*?" * 60 + "b", fill("["), fill("\\a"),
    "*[!a]*[!b]*[!c]*[!d]*e", "[[a]\n",
)  # fmt: skip
CONFIGS = (
    "[core]\n" + "".join(f"{chr(97 + n)} = {f'%({chr(98 + n)})s' * 10}\n" for n in range(12)) + "m = x\n",
    '[core]\na = """' + fill("x\n"), "".join(f"['remote \"r{n}\"']\nurl = x\n" for n in range(25_000)),
    fill("[core]\n"), fill("="),
)  # fmt: skip
BOMBS = {
    "dvc file": YAML, "params.yaml": YAML, "dvc.lock": YAML[:5], "dvc.yaml": (*YAML[:5], *PIPELINES),
    "dvcignore": IGNORES,
    "config": CONFIGS,
    "params.json": (fill("["),
    '{"a":' * 300 + "1" + "}" * 300, "9" * SIZE, '{"c":' + "[" * 900 + "]" * 900 + "}"),
    "params.toml": ("a=" + fill("["), "a=" + "[" * 300 + "]" * 300, ".".join("a" * 400) + "=1",
    "a=0x" + "f" * SIZE),
    "params.py": (
        "x=" + "-" * 90_000 + "1", "x=" + fill("1+") + "1", "x=a" + ".a" * 300_000, fill("("),
        "x=" + "[" * 150 + "]" * 150,
        "X=0x" + "f" * SIZE, "x=" + fill("not ") + "1",
    ),
    "listing": (
        fill("["), json.dumps([{"md5": "0" * 32, "relpath": "a/" * 400_000 + "b"}]),
        json.dumps([{"md5": "0" * 32, "relpath": "a/" * depth + "x"} for depth in range(1200)]),
    ),
    "rwlock": (fill("["), fill('{"write":'), json.dumps({"write": {"/x": {"pid": 10**30, "cmd": "x"}}}),
    '{"read": null}', "[]"),
    "operation log": (
        fill("[") + "\n", '{"seq":1,"prev":"","hash":"x","a":NaN}\n',
        '{"seq":1,"prev":"","hash":"x","a":1e999}\n',
        '{"seq":' + "9" * 4300 + ',"prev":"","hash":"x"}\n', '{"seq":-5,"prev":"","hash":"x"}\n', "\0" * SIZE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str) -> None:
    for text in BOMBS[name]:
        feed(name, text.encode())


@pytest.mark.parametrize(
    "text",
    [
        OUT + "  fs_config: {a: 2001-01-01}\n",
        OUT + "  fs_config: {a: !!omap [b: 1]}\n",
        OUT + "  meta: {a: !!set {2001-01-01}}\n",
        IMPORT + "  fs_config: {a: 2001-01-01}\n",
        IMPORT + "  fs_config: {a: !!set {b}}\n",
        IMPORT + "  fs_config: {1: 2, a: 3}\n",
        IMPORT + "  fs_config: {? [a, b] : c}\n",
        IMPORT.replace("url: u", "url: u, config: {a: 2001-01-01}"),
        OUT.replace("path: d", 'path: "\\ud800"'),
        OUT.replace("path: d", "path: " + "d/" * 3000 + "d"),
        'wdir: "\\ud800"\n' + OUT,
        'outs:\n- path: d\n  files: [{md5: abc, relpath: "\\ud800"}]\n',
    ],
)
def test_values_that_cannot_be_kept_or_hashed(text: str) -> None:
    feed("dvc file", text.encode())


@pytest.mark.parametrize("name", ["a" * 255, "/".join("a" * 500), "/".join(["a" * 40] * 50)])
def test_ignore_rules_do_not_backtrack(name: str, tmp_path: Path) -> None:
    (tmp_path / ".dvcignore").write_text("*a*a*a*a*a*a*a*a*a*a*b\n**/a/**/a/**/a/**/a/**/a/**/b\n")
    with limited():
        assert not IgnoreRules.load(str(tmp_path), [".dvcignore"]).matches(name, is_dir=False)


def test_a_surrogate_is_no_path_in_a_listing() -> None:
    with pytest.raises(DataVersioningError, match="cannot be the name of a file"):
        dirfile.load(json.dumps([{"md5": "0" * 32, "relpath": "\ud800"}]).encode(), file="x")
    assert dirfile.load(json.dumps([{"md5": "0" * 32, "relpath": "\udcff"}]).encode(), file="x")[0] == [
        "\udcff"
    ]


@pytest.mark.parametrize("text", ["[core]\npassword hunter2\n", "hunter2\n", '[core]\nurl = "hunter2\n'])
def test_a_bad_line_of_the_configuration_is_not_shown(text: str) -> None:
    """There may be a secret in it."""
    with pytest.raises(DataVersioningError, match="at line") as caught:
        config.read(text, file=".dvc/config")
    assert "hunter2" not in caught.value.message
    assert caught.value.__cause__ is None


def test_numbers_that_python_does_not_write() -> None:
    for name in ("params.yaml", "dvc.lock"):
        good = SUBJECTS[name].samples[0]
        feed(name, good.replace(b"0.001", b"0x" + b"f" * 6000))
