"""Consoles that show text as it is.

What commands print holds names, errors and paths that come from methods, plug-ins and files. Such text is never markup
here, and of its control characters those that a terminal would obey are shown escaped.
"""

from __future__ import annotations

import os
import sys
from typing import IO, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from istar.texts import visible

PIPED_WIDTH = 10_000
"""Columns of what is piped: no line is folded, so that each can be searched for."""


class PlainConsole(Console):
    """A console without markup and emoji codes; a reader that closes its pipe misses the rest and changes nothing.

    Args:
        stderr: whether it writes to the error stream.
        width: columns where nobody looks and `COLUMNS` is not set; rich's own choice if None.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        """See the class docstring."""
        stream = sys.stderr if stderr else sys.stdout
        watched = stream is not None and stream.isatty()
        chosen = None if watched or "COLUMNS" in os.environ else width
        super().__init__(stderr=stderr, width=chosen, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """See the base class."""
        return super().render_str(visible(text), **options)

    def on_broken_pipe(self) -> None:
        """Go on without the reader, so that a command ends with its own exit code."""
        to_nowhere(self.file)

    def needs(self, shown: Table) -> int:
        """Return how many columns a table needs for every row to be one line."""
        return self.measure(shown, options=self.options.update(max_width=PIPED_WIDTH)).maximum

    def show(self, shown: Table) -> None:
        """Print a table; where it is too wide, a paragraph a row, with the columns' names."""
        if self.needs(shown) <= self.width:
            self.print(shown)
            return
        self.print(styled(str(shown.title), "bold"))
        _, *names = (str(column.header) for column in shown.columns)
        for first, *cells in zip(*(column.cells for column in shown.columns), strict=True):
            self.print(first)
            said = (f"{name}: {cell}" for name, cell in zip(names, cells, strict=True))
            self.print(Padding(Text(visible("; ".join(said))), (0, 0, 0, 2)))

    def tell(self, text: str, label: str = "", style: str = "") -> None:
        """Print a remark: lines after the first are indented, and none is broken, so that commands can be pasted.

        Args:
            text: the remark.
            label: what stands before it.
            style: how the label is shown.
        """
        self.print(
            Text.assemble((visible(label), style), " " if label else "", visible(indented(text))), soft_wrap=True
        )


def indented(text: str) -> str:
    """Return a text whose lines after the first are indented, so that none can pass for a line of ours."""
    return "\n  ".join(text.split("\n"))


def styled(text: str, style: str) -> Text:
    """Return a text for a cell or a line, in a style."""
    return Text(visible(text), style=style)


def to_nowhere(stream: IO[str]) -> None:
    """Let whatever is written to a stream from now on vanish, what it still holds included."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
