"""A progress bar on stderr: done, rate and remaining time; erased when the task is over."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class Bar:
    """Draws one task at a time."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            Amount(),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=Console(file=sys.__stderr__),  # it draws by control characters
            transient=True,
            refresh_per_second=5,
        )
        self._task = None

    def start(self, label: str, *, files: int | None = None, size: int | None = None) -> None:
        """Replace the task that is drawn."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(label, total=size or files, files=0, of=files, moved=0, in_bytes=bool(size))
        self._progress.start()

    def advance(self, files: int, size: int = 0) -> None:
        """Draw that many files and bytes more."""
        for task in self._progress.tasks:
            step = size if task.fields["in_bytes"] else files
            fields = task.fields
            self._progress.update(
                task.id, advance=step, files=fields["files"] + files, moved=fields["moved"] + size
            )

    def finish(self) -> None:
        """Erase the bar."""
        self._progress.stop()


class Amount(ProgressColumn):
    """How much is done, of how much, and how fast: files, and bytes where they are known."""

    def render(self, task: Task) -> Text:
        """Return the text of one task."""
        fields = task.fields
        files = f"{fields['files']:,}" + (f"/{fields['of']:,}" if fields["of"] else "") + " files"
        if not fields["in_bytes"]:
            return Text(files + (f", {task.speed:,.0f}/s" if task.speed else "") + _moved(task))
        size = f"{decimal(int(task.completed))}/{decimal(int(task.total or 0))}"
        speed = f", {decimal(int(task.speed))}/s" if task.speed else ""
        return Text(f"{files}, {size}{speed}" if fields["of"] != 1 else f"{size}{speed}")


def _moved(task: Task) -> str:
    """Return how many bytes passed, and how fast, where their sum is not known before."""
    moved = task.fields["moved"]
    if not moved:
        return ""
    return f", {decimal(moved)}" + (f", {decimal(int(moved / task.elapsed))}/s" if task.elapsed else "")
