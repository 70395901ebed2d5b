"""Damage made on purpose: bytes, lines, scalars and whole subtrees of good files, replaced by bad ones.

Everything follows from the seed of the `random.Random` that is passed in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import yaml

BAD_SCALARS = (
    "", "~", "null", "true", "yes", "0", "-1", "00", "0x" + "f" * 6000, "9" * 5000, "-0o7", "1e999",
    ".nan", "-.inf",
    "1_0", "2001-01-01", "2001-99-99", "2001-12-14t21:59:43.10-05:00", "<<", "=", "[]", "{}", "[[]]",
    "[1, [2, {a: b}]]",
    "&a [x]", "*a", "&a [*a]", "!!binary aGFsbG8=", "!!binary '*'", "!!set {a, b}", "!!omap [a: 1]",
    "!!timestamp x",
    "!!int x", "!!int ''", "2001-01-01 10:10:10 +99:99", "!!float 1", "!!python/object/apply:os.system [id]",
    "!x y", "? a", "- a", "a: b",
    '"\\ud800"', '"\\udc80"',
    '"\\0"', "'", '"', "|", ">", "%", "@", "`", "#", "\t", "\x85", "\u2028", "\ufeff", "\x00", "..",
    "../x", "/x", "/", ".",
    "a//b", "a/", "~/x", ".git/x", ".dvc/x", "x.dvc", "dvc.yaml", "s3://b/k", "x" * 300, "x/" * 2100, "${",
    "${}",
    "${a}", "${item}", "${a.b[0]}", "\\${a}", "${a[}", "d41d8cd98f00b204e9800998ecf8427e",
    "D41D8CD98F00B204E9800998ECF8427E",
    "d41d8cd98f00b204e9800998ecf8427e.dir", "%(a)s", "%(", "a,b", "a, 'b", '"""', "\\", "*", "**", "[!",
    "[z-a]", "!",
    "(?P<x>", "\x1b[31m", "\r", "\u202e",
)  # fmt: skip
BAD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1 << 70, 10**400, 0.5, float("nan"), float("inf"), "", " ", "x",
    "x" * 3000, "\0", "\ud800",
    "\udcff", "é", "..", "../../x", "/etc/x", "a/../../b", ".git/config", ".dvc/config", "a\nb", "a\\b",
    [], {}, [[]],
    [None], {"": ""}, {"a": {"a": {}}}, [1, "a", None, {}], {1: 2}, "${a}", "${", "0" * 32, "0" * 32 + ".dir",
)  # fmt: skip
BAD_BYTES = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\r\n", b"\r", b"\n\n", b"\t",
    b": ", b"- ",
    b"[", b"]", b"{", b"}", b"&a ", b"*a", b"'", b'"', b"---\n", b"...\n", b"!!", b"%YAML 1.1\n---\n",
    b"#", b"\\", b"/",
    b"../", b"${", b"%(x)s", b",", b"=", b"\x1b]0;x\x07", b"\xf0\x9f\x92\xa9",
)  # fmt: skip

Damage = Callable[[bytes, Random], bytes]


def mutated(samples: Sequence[bytes], random: Random) -> bytes:
    """One of `samples` with a few damages, mostly one."""
    content = random.choice(samples)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        content = random.choice(DAMAGES)(content, random)
    return content


def _flip(content: bytes, random: Random) -> bytes:
    changed = bytearray(content or b"\0")
    for _ in range(random.choice((1, 1, 2, 10))):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _insert(content: bytes, random: Random) -> bytes:
    at = random.randint(0, len(content))
    return content[:at] + random.choice(BAD_BYTES) * random.choice((1, 1, 1, 3, 200)) + content[at:]


def _cut(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    return content[:start] + content[end:]


def _truncate(content: bytes, random: Random) -> bytes:
    return content[: random.randint(0, len(content))]


def _repeat(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    return content[:end] + content[start:end] * random.choice((1, 2, 50)) + content[end:]


def _span(content: bytes, random: Random) -> tuple[int, int]:
    start = random.randint(0, len(content))
    return start, min(len(content), start + random.choice((1, 2, 10, 100)))


def _lines(content: bytes, random: Random) -> bytes:
    lines = content.split(b"\n")
    at, to = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines[at], lines[to] = lines[to], lines[at]
        case 2:
            lines.insert(to, lines[at])
        case 3:
            lines[at] = b" " * random.randint(1, 4) + lines[at]
        case _:
            lines[at] = lines[at].lstrip()
    return b"\n".join(lines)


def _scalar(content: bytes, random: Random) -> bytes:
    """Another value behind one ":", "=" or "-", or another name before it."""
    lines = content.split(b"\n")
    at = random.randrange(len(lines))
    bad = random.choice(BAD_SCALARS).encode("utf-8", "surrogatepass")
    for mark in (b": ", b" = ", b"- ", b":", b"="):
        before, found, after = lines[at].partition(mark)
        if found:
            kept = before.rstrip()[: len(before) - len(before.lstrip())]
            lines[at] = before + mark + bad if random.random() < 0.8 else kept + bad + mark + after
            return b"\n".join(lines)
    lines[at] = bad
    return b"\n".join(lines)


def _tree(content: bytes, random: Random) -> bytes:
    """The same structure with one subtree replaced, removed, renamed, repeated or wrapped; written anew."""
    try:
        is_json = content.startswith((b"[{", b"{"))
        value = json.loads(content) if is_json else yaml.safe_load(content.decode())
    except (ValueError, yaml.YAMLError, TypeError, AttributeError, LookupError, RecursionError):
        return content
    if not isinstance(value, (dict, list)):
        return content
    try:
        value = _changed(value, random)
        text = (
            json.dumps(value)
            if is_json
            else yaml.dump(value, default_flow_style=random.choice((False, False, True)))
        )
    except (ValueError, TypeError, yaml.YAMLError, RecursionError):
        return content
    return text.encode("utf-8", "surrogatepass")


def _changed(value: Any, random: Random) -> Any:
    here = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    deeper = [key for key, item in here if isinstance(item, (dict, list)) and item]
    if deeper and random.random() < 0.75:
        key = random.choice(deeper)
        value[key] = _changed(value[key], random)
        return value
    if not here or random.random() < 0.05:
        return random.choice(BAD_VALUES)
    key, item = random.choice(here)
    match random.randrange(5):
        case 0:
            value[key] = random.choice(BAD_VALUES)
        case 1:
            del value[key]
        case 2 if isinstance(value, dict):
            value[random.choice(BAD_VALUES[:24])] = value.pop(key)
        case 3:
            value[key] = [item] if random.random() < 0.5 else {"a": item}
        case _ if isinstance(value, list):
            value.append(item)
        case _:
            value[random.choice(("md5", "path", "outs", "deps", "files", "cloud", "meta", "vars", "x"))] = (
                random.choice(BAD_VALUES)
            )
    return value


DAMAGES: tuple[Damage, ...] = (
    _flip, _insert, _insert, _cut, _truncate, _repeat, _lines, _lines, _scalar, _scalar, _scalar, _scalar, _scalar,
    _tree, _tree, _tree, _tree,
)  # fmt: skip
