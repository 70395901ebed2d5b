"""How long-running work tells how far it is; silent unless somebody draws it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told by the engine, drawn by a face (terminal, web page) or by nobody."""

    def start(self, label: str, *, total: int | None, unit: str) -> None:
        """A task begins: `total` steps of `unit` ("files" or "B"); None when nobody knows yet."""

    def advance(self, steps: int) -> None:
        """That many steps of the current task are done."""

    def finish(self) -> None:
        """The current task is over."""


class Silent:
    """Draws nothing."""

    def start(self, label: str, *, total: int | None, unit: str) -> None:
        """Draw nothing."""

    def advance(self, steps: int) -> None:
        """Draw nothing."""

    def finish(self) -> None:
        """Draw nothing."""


SILENT = Silent()
