"""The application: its commands, how errors end it, and how results are printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from cyclopts import App, CycloptsError
from rich.console import Console
from rich.table import Table

from istar import __version__
from istar.errors import IstarError

SUCCESS, ERROR, USAGE, METHOD_FAULT, INTERRUPTED = 0, 1, 2, 3, 130

EPILOGUE = """
Examples:

  istar doctor                                     what this machine can do
  istar check my_method.py                         does it keep the contract? in seconds, on a tiny model
  istar score my_method.py --split train --json    how much does it save?
  istar search --run first --methods 50            search for better ones; `--resume` goes on after a kill
  istar unseal first                               open the sealed test, once
  istar report first                               one HTML page
  istar compare first control --to page.html       a run beside its controls

Exit codes: 0 success, 1 an error the message explains, 2 wrong usage, 3 the method is at fault, 130 interrupted.
"""

app = App(
    name="istar",
    help="Score interpretability methods by the computation they save, and search for better ones.",
    version=__version__,
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)

PIPED_WIDTH = 140

output = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
"""Where results go."""

notes = Console(stderr=True)
"""Where progress and errors go, so that results can be piped."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    # before torch is imported: threads that spin while they wait starve one another where cores are few
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    register_commands()
    try:
        result = app(list(arguments), exit_on_error=False, print_error=True, result_action="return_value")
    except CycloptsError:
        return USAGE
    except BrokenPipeError:
        return SUCCESS  # the reader had enough
    except IstarError as error:
        notes.print(f"[bold red]error:[/] {_escaped(error)}", highlight=False)
        return METHOD_FAULT if _method_is_at_fault(error) else ERROR
    except (OSError, MemoryError) as error:
        # what the system refuses in a place that no message of ours foresees
        notes.print(f"[bold red]error:[/] the system refused: {_escaped(error) or 'no memory'}", highlight=False)
        return ERROR
    except KeyboardInterrupt:
        notes.print("[bold]interrupted[/]; a search goes on with --resume")
        return INTERRUPTED
    return result if isinstance(result, int) else SUCCESS


def register_commands() -> None:
    """Import every command; each registers itself."""
    from istar.cli import audit, check, compare, doctor, report, rescore, score, search, tasks, truth, unseal  # noqa: F401


def print_json(data: Any) -> None:
    """Print a result as JSON."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


def table(title: str, *columns: str) -> Table:
    """Return an empty table; columns whose name begins with `>` are numbers and stand to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return made


def quantity(number: float) -> str:
    """Return a large number for people, such as `1.2e+12`."""
    return f"{number:.3g}"


def _escaped(error: Exception) -> str:
    from rich.markup import escape

    return escape(str(error))


def _method_is_at_fault(error: IstarError) -> bool:
    """Whether it is a MethodError; if that class was never imported, it is not."""
    contract = sys.modules.get("istar.methods.contract")
    return contract is not None and isinstance(error, contract.MethodError)
