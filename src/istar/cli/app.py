"""The application: its commands, how errors end it, and how results are printed."""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from cyclopts import App, CycloptsError
from rich.table import Table

from istar import __version__
from istar.cli.console import PIPED_WIDTH, PlainConsole, to_nowhere
from istar.cli.entry import INTERRUPTED
from istar.errors import IstarError

SUCCESS, ERROR, USAGE, METHOD_FAULT, PARTIAL = 0, 1, 2, 3, 4

EPILOGUE = """
Examples:

  istar doctor                               what this machine can do
  istar check my_method.py                   does it keep the contract?
  istar score my_method.py                   how much does it save?
  istar search --run first --methods 50      search for better ones
  istar search --run first --resume          go on after a kill
  istar unseal first                         open the sealed test, once
  istar report first                         one HTML page
  istar compare first control --to page.html a run beside its controls
  istar scenario first                       what kind of success is it?
  istar duel --run game                      red hides, blue finds; both learn
  istar forecast                             when research could be automated
  istar use task FAMILY.py --method I.py     a new task, with a method and without
  istar cache                                what is kept on this machine

Exit codes: 0 success, 1 an error the message explains, 2 wrong usage,
3 the method is at fault, 4 done but for what is named at the end,
130 interrupted.
"""

output = PlainConsole(width=PIPED_WIDTH)
"""Where results go."""

notes = PlainConsole(stderr=True, width=PIPED_WIDTH)
"""Where progress and errors go, so that results can be piped."""

app = App(
    name="istar",
    help="Score interpretability methods by the computation they save, and search for better ones.",
    version=__version__,
    help_epilogue=EPILOGUE,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
    console=PlainConsole(),
)

Command = TypeVar("Command", bound=Callable[..., Any])


def command(*examples: str, of: App = app) -> Callable[[Command], Command]:
    """Return a decorator that makes a function a command, its docstring the help, with examples of its own below.

    Args:
        examples: command lines.
        of: the application or group of commands that it belongs to.
    """

    def register(function: Command) -> Command:
        paragraphs = re.split(r"\n\n+", inspect.getdoc(function) or "")
        of.command(
            function,
            help="\n\n".join(" ".join(each.split()) for each in paragraphs),
            help_epilogue=shown_examples(*examples),
        )
        return function

    return register


def group(name: str, about: str, *examples: str) -> App:
    """Return a group of commands, which belongs to the application."""
    made = App(name=name, help=about, help_format="plaintext", help_epilogue=shown_examples(*examples))
    app.command(made)
    return made


def shown_examples(*examples: str) -> str:
    """Return what stands below the help of a command."""
    return "\n".join((f"Example{'s' * (len(examples) > 1)}:", *(f"  {each}" for each in examples)))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    try:
        _check_bound()
        register_commands()
        result = app(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        notes.tell(f"{error}\nsee `{' '.join(('istar', *_command_of(arguments)))} --help`", "error:", "bold red")
        return USAGE
    except IstarError as error:
        notes.tell("\n".join([str(error), *getattr(error, "__notes__", ())]), "error:", "bold red")
        return METHOD_FAULT if _method_is_at_fault(error) else ERROR
    except (OSError, MemoryError) as error:
        # what the system refuses in a place that no message of ours foresees
        notes.tell(f"the system refused: {error or 'no memory'}", "error:", "bold red")
        return ERROR
    except KeyboardInterrupt as interrupt:
        notes.tell(f"interrupted; {interrupt}" if interrupt.args else "interrupted")
        return INTERRUPTED
    except Exception as error:
        said = _plugin_failure(error)
        if said is None:
            raise
        notes.tell(f"a plug-in failed: {said}", "error:", "bold red")
        return ERROR
    return result if isinstance(result, int) else SUCCESS


GOES_ON = "what was finished is kept, and the same command goes on from there"


@contextmanager
def when_interrupted(say: Callable[[], str]) -> Iterator[None]:
    """Say of a command that was interrupted what is kept of it and how it goes on.

    Args:
        say: what is true then; nothing is said if it returns nothing.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        said = say()
        raise KeyboardInterrupt(*filter(None, [said])) from interrupt


def _check_bound() -> None:
    """Refuse a bound of the cache that is none before anything long is done under it."""
    if os.environ.get("ISTAR_CACHE_BYTES"):
        from istar.storage.bound import bound

        bound()


def register_commands() -> None:
    """Import every command; each registers itself."""
    from istar.cli import (  # noqa: F401
        audit,
        cache,
        check,
        compare,
        doctor,
        duel,
        forecast,
        report,
        rescore,
        scenario,
        score,
        search,
        tasks,
        truth,
        unseal,
        use,
        use_transfer,
    )


def print_json(data: Any) -> None:
    """Print a result as JSON."""
    try:
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        to_nowhere(sys.stdout)


def table(title: str, *columns: str) -> Table:
    """Return an empty table; columns whose name begins with `>` are numbers and stand to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return made


def quantity(number: float) -> str:
    """Return a large number for people, such as `1.2e+12`."""
    return f"{number:.3g}"


def _command_of(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the words that name a command, none if the first names none."""
    return tuple(app.parse_commands(list(arguments))[0])


def _plugin_failure(error: Exception) -> str | None:
    """Return where in a plug-in an error happened; None if in none, or if no plug-in was ever asked for."""
    registrations = sys.modules.get("istar.registrations")
    found: str | None = None if registrations is None else registrations.plugin_failure(error)
    return found


def _method_is_at_fault(error: IstarError) -> bool:
    """Whether it is a MethodError; if that class was never imported, it is not."""
    contract = sys.modules.get("istar.methods.contract")
    return contract is not None and isinstance(error, contract.MethodError)
