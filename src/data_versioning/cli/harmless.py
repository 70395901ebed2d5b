"""What names may do to a terminal: nothing. Control characters are shown as Git shows them, never sent.

`streams` puts it before standard output and standard error, so no command can forget it. A line's end is no harm to
a terminal, but may make one name look like two lines: lists show each by `name`.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO, cast

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# The colours of `render.colour`, which only a terminal gets.
_HARMFUL_BUT_COLOURS = re.compile("\x1b(?!\\[(?:[012]|3[123])m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_LETTERS = {"\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r"}


def name(path: str) -> str:
    r"""Return a path in one line: with control characters as Git has it (`core.quotePath`), without them as it is.

    >>> print(name("data/a b"), name("one\ntwo\x1b[31m"))
    data/a b "one\ntwo\033[31m"
    """
    return f'"{escaped(path, also=chr(34))}"' if _CONTROL.search(path) else path


def has_control(text: str) -> bool:
    """Whether there is anything in a text that is more than shown."""
    return bool(_CONTROL.search(text))


def escaped(text: str, *, also: str) -> str:
    """Return a text between quotation marks `also`, without control characters."""
    plain = text.replace("\\", "\\\\").replace(also, f"\\{also}")
    return _CONTROL.sub(_shown, plain)


def _shown(found: re.Match[str]) -> str:
    letter = found[0]
    return _LETTERS.get(letter) or "".join(f"\\{byte:03o}" for byte in letter.encode())


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """Print harmlessly for a while."""
    plain = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast("TextIO", Harmless(plain[0])), cast("TextIO", Harmless(plain[1]))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = plain


class Harmless:
    """A stream of text whose control characters are shown, but for tabs and the ends of lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._harmful = _HARMFUL_BUT_COLOURS if stream.isatty() else _HARMFUL

    def write(self, text: str) -> int:
        """Write a text; tell how many characters of it."""
        self._stream.write(self._harmful.sub(_shown, text) if self._harmful.search(text) else text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write some texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, wanted: str) -> Any:
        return getattr(self._stream, wanted)
