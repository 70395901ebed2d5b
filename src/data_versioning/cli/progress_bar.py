"""A progress bar on stderr: done, rate and remaining time; erased when the task is over."""

from __future__ import annotations

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
            console=Console(stderr=True),
            transient=True,
            refresh_per_second=5,
        )
        self._task = None

    def start(self, label: str, *, total: int | None, unit: str) -> None:
        """Replace the task that is drawn."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(label, total=total, unit=unit)
        self._progress.start()

    def advance(self, steps: int) -> None:
        """Draw that many steps more."""
        for task in self._progress.task_ids:
            self._progress.advance(task, steps)

    def finish(self) -> None:
        """Erase the bar."""
        self._progress.stop()


class Amount(ProgressColumn):
    """How much is done, of how much, and how fast."""

    def render(self, task: Task) -> Text:
        """Return the text of one task."""
        in_bytes = task.fields["unit"] == "B"
        unit = "" if in_bytes else f" {task.fields['unit']}"

        def amount(count: float) -> str:
            return decimal(int(count)) if in_bytes else f"{int(count):,}"

        done = (
            amount(task.completed) if task.total is None else f"{amount(task.completed)}/{amount(task.total)}"
        )
        return Text(f"{done}{unit}" + (f", {amount(task.speed)}/s" if task.speed else ""))
