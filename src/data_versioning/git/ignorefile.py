"""The text of `.gitignore`: entries for outputs, added and removed byte for byte as DVC does."""

from __future__ import annotations

_SPECIAL = str.maketrans({character: "\\" + character for character in "\\[]!*#?"})


def entry_for(name: str) -> str:
    """Return the entry that hides `name` in the directory of the file.

    >>> entry_for("a[1].csv")
    '/a\\\\[1\\\\].csv'
    """
    return "/" + name.translate(_SPECIAL)


def add(text: str, name: str) -> str:
    """Return the text with an entry for `name` at the end.

    >>> add("*.log", "data")
    '*.log\\n/data\\n'
    """
    separator = "\n" if text and not text.endswith("\n") else ""
    return f"{text}{separator}{entry_for(name)}\n"


def remove(text: str, name: str) -> str | None:
    """Return the text without the entry for `name`; None when nothing is left and the file goes too.

    Like DVC this compares with the name as it is, so an entry that had to be escaped stays. Line ends become
    newlines.

    >>> remove("/data\\n*.log\\n", "data"), remove("/data\\n", "data")
    ('*.log\\n', None)
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    last = lines.pop()
    kept = [line + "\n" for line in lines if line.strip() != f"/{name}".strip()]
    if last and last.strip() != f"/{name}".strip():
        kept.append(last)
    return "".join(kept) if kept else None
