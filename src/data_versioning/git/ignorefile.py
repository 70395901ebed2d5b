"""The text of `.gitignore`: entries for outputs, added and removed byte for byte as DVC does."""

from __future__ import annotations

import re

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_ESCAPED = re.compile(r"\\(.)")
# A line cannot hold the end of one, nor end in a carriage return; no escape stands for them, but a class of characters.
_CONTROL = "[[:cntrl:]]"
_SPECIAL = str.maketrans({**{character: "\\" + character for character in "\\[]!*#?"}, "\n": _CONTROL})


def entry_for(name: str) -> str:
    """Return the entry that hides `name` in the directory of the file.

    As DVC writes it, but for names that hold the end of a line, or end in a carriage return: DVC's entry is broken.

    >>> entry_for("a[1].csv")
    '/a\\\\[1\\\\].csv'
    """
    entry = "/" + name.translate(_SPECIAL)
    return entry.removesuffix("\r") + _CONTROL if entry.endswith("\r") else entry


def add(text: str, entry: str) -> str:
    """Return the text with `entry` at the end.

    >>> add("*.log", entry_for("data"))
    '*.log\\n/data\\n'
    """
    separator = "\n" if text and not text.endswith("\n") else ""
    return f"{text}{separator}{entry}\n"


def remove(text: str, entry: str) -> str | None:
    """Return the text without `entry`; None when nothing is left and the file goes too.

    Like DVC this looks for the unescaped name: an escaped entry stays. Line ends become newlines.

    >>> remove("/data\\n*.log\\n", entry_for("data")), remove("/data\\n", entry_for("data"))
    ('*.log\\n', None)
    """
    plain = entry if _CONTROL in entry else _ESCAPED.sub(r"\1", entry).strip()
    lines = _LINE.findall(text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(line for line in lines if line.strip() != plain) or None
