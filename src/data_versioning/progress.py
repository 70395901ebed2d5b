"""How long-running work tells how far it is; silent unless somebody draws it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told by the engine, drawn by a face (terminal, web page) or by nobody."""

    def start(self, label: str, *, files: int | None = None, size: int | None = None) -> None:
        """A task begins: so many files of `size` bytes together; None when nobody knows (yet)."""

    def advance(self, files: int, size: int = 0) -> None:
        """That many more files, and bytes, of the current task are done."""

    def finish(self) -> None:
        """The current task is over."""


class Silent:
    """Draws nothing."""

    def start(self, label: str, *, files: int | None = None, size: int | None = None) -> None:
        """Draw nothing."""

    def advance(self, files: int, size: int = 0) -> None:
        """Draw nothing."""

    def finish(self) -> None:
        """Draw nothing."""


SILENT = Silent()
