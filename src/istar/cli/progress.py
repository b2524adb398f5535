"""Progress on the error stream: a bar with an estimate on a terminal, a line for each new thing begun elsewhere."""

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
from istar.cli.console import indented, styled
from istar.texts import visible


class Ticker:
    """Says how far a command is; here in lines, one whenever what it does has another name.

    Args:
        text: what it does first.
        total: of how many steps; None if that is not known yet.
    """

    def __init__(self, text: str, total: int | None) -> None:
        """See the class docstring."""
        self._done, self._total = 0, total
        self._said = ""
        self.say(text)

    def step(self, text: str | None = None, total: int | None = None) -> None:
        """Move on by one."""
        self.move(self._done + 1, total, text)

    def move(self, done: int, total: int | None, text: str | None = None) -> None:
        """Move to a place."""
        self._done = done
        self.say(text, total)

    def say(self, text: str | None = None, total: int | None = None) -> None:
        """Change what it does, or of how many steps that is."""
        self._total = self._total if total is None else total
        if text is not None and text != self._said:
            self._said = text
            self._show()

    def note(self, line: str, style: str = "") -> None:
        """Print a line that stays."""
        notes.print(styled(indented(line), style), soft_wrap=True)

    def _show(self) -> None:
        self.note(self._said if self._total is None else f"[{self._done}/{self._total}] {self._said}")


class Bar(Ticker):
    """The same as a bar on a terminal.

    Args:
        progress: what draws it.
        task: which of its bars.
        text: what it says first.
        total: how long it is.
    """

    def __init__(self, progress: Progress, task: TaskID, text: str, total: int | None) -> None:
        """See the class docstring."""
        self._progress, self._task = progress, task
        super().__init__(text, total)

    def say(self, text: str | None = None, total: int | None = None) -> None:
        """See the base class."""
        super().say(text, total)
        self._show()

    def _show(self) -> None:
        said = visible(self._said.replace("\n", " "))
        self._progress.update(self._task, description=said, completed=self._done, total=self._total)


def loading(target: str) -> str:
    """Return what a command says while it loads a target, for the first time of which weights are converted.

    Args:
        target: its name.
    """
    from istar.targets.embedded import is_converted
    from istar.targets.places import EMBEDDED_NAME

    if target != EMBEDDED_NAME or is_converted():
        return "loading"
    return f"loading; the weights of {target} are converted, once, which takes about 20 seconds"


@contextmanager
def ticker(text: str, total: int | None) -> Iterator[Ticker]:
    """Say how far a command is while the block runs."""
    if not notes.is_terminal:
        yield Ticker(text, total)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, *times, console=notes, transient=True) as progress:
        yield Bar(progress, progress.add_task(text, total=total), text, total)
