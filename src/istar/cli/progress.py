"""Progress with an estimate, on the terminal's error stream; silent where nobody looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from istar.cli.app import notes


class Ticker:
    """A bar that is moved by one, or to a place.

    Args:
        progress: what draws it.
        task: which of its bars.
    """

    def __init__(self, progress: Progress, task: TaskID) -> None:
        """See the class docstring."""
        self._progress, self._task = progress, task

    def step(self, text: str | None = None, total: int | None = None) -> None:
        """Move on by one."""
        self._progress.advance(self._task)
        self.say(text, total)

    def move(self, done: int, total: int, text: str | None = None) -> None:
        """Move to a place."""
        self._progress.update(self._task, completed=done)
        self.say(text, total)

    def say(self, text: str | None = None, total: int | None = None) -> None:
        """Change what the bar says, or how long it is."""
        if text is not None:
            self._progress.update(self._task, description=text)
        if total is not None:
            self._progress.update(self._task, total=total)

    def note(self, line: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(line, highlight=False)


@contextmanager
def ticker(text: str, total: int | None) -> Iterator[Ticker]:
    """Show a bar while the block runs."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, *times, console=notes, transient=True) as progress:
        yield Ticker(progress, progress.add_task(text, total=total))
