"""What commands print is text: no markup, no emoji codes, no control character is obeyed."""

import io
import json
import re
from pathlib import Path

import pytest

import istar.cli
from istar.cli import progress
from istar.cli.app import METHOD_FAULT, USAGE, run, table
from istar.cli.console import PlainConsole, styled
from istar.texts import visible

FOREIGN = "[red]b[/] [/] :smile: \x1b[31m\x07\x9b\u202e\udcff"
SHOWN = "[red]b[/] [/] :smile: \\x1b[31m\\x07\\x9b\\u202e\\udcff"
FAULTY = '''"""Fails."""
from istar.methods import Interpretation


def interpret(target, corpus):
    raise ValueError("[red]b[/] :smile: \\x1b[31m\\nthe method keeps the contract")


def predict(question, runs, target, interpretation, prepared):
    return None
'''


@pytest.fixture
def console(monkeypatch):
    """A console on a terminal that shows colours."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")
    made = PlainConsole(stderr=True)
    made.file = io.StringIO()
    return made


def test_letters_of_every_language_are_visible():
    assert visible("\u00e9 \u65e5\u672c\xa0\U0001f600\n\t") == "\u00e9 \u65e5\u672c\xa0\U0001f600\n\t"
    assert visible(FOREIGN) == SHOWN


def test_foreign_text_is_shown_wherever_it_stands(console):
    cells = table(FOREIGN, FOREIGN)
    cells.add_row(FOREIGN)
    cells.add_row(styled(FOREIGN, "red"))
    console.print(FOREIGN)
    console.print(cells)
    console.tell(FOREIGN, FOREIGN, "red")
    assert console.file.getvalue().count(SHOWN) == 7


def test_a_table_that_is_too_wide_is_a_paragraph_a_row(console):
    cells = table("Title", "task", ">at 0.5", ">gain")
    cells.add_row(styled("one/task", "bold"), "1.00 (1.00 to 1.00)", "\x1b")
    console.show(cells)
    assert "task      " in console.file.getvalue()
    console.file = io.StringIO()
    console.width = 24
    console.show(cells)
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "Title",
        "one/task",
        "  at 0.5: 1.00 (1.00 to",
        "  1.00); gain: \\x1b",
    ]


def test_a_remark_cannot_forge_a_line(console):
    console.tell("first\nsecond", "error:", "red")
    assert console.file.getvalue() == "error: first\n  second\n"


def test_progress_shows_foreign_text(monkeypatch, console):
    monkeypatch.setattr(progress, "notes", console)
    for watched in (False, True):
        console._force_terminal = watched
        with progress.ticker(FOREIGN, 2) as ticker:
            ticker.note(FOREIGN)
            ticker.step(FOREIGN + "2")
        assert SHOWN in console.file.getvalue()
        assert "\x07" not in console.file.getvalue()


def test_progress_cannot_forge_a_line(monkeypatch, console):
    monkeypatch.setattr(progress, "notes", console)
    with progress.ticker("loading", None) as ticker:
        ticker.note("mine on a task: failed: first\nsecond")
    assert console.file.getvalue().splitlines() == ["loading", "mine on a task: failed: first", "  second"]


def test_progress_is_a_line_for_each_new_thing_where_no_terminal_is(monkeypatch, console):
    monkeypatch.setattr(progress, "notes", console)
    with progress.ticker("loading", None) as ticker:
        ticker.say("scoring", 3)
        ticker.step("first task")
        ticker.step("first task")
        ticker.move(3, 3, "second task")
    expected = ["loading", "[0/3] scoring", "[1/3] first task", "[3/3] second task"]
    assert console.file.getvalue().splitlines() == expected


def test_an_error_of_a_method_is_shown_and_not_interpreted(tmp_path, capsys):
    path = tmp_path / "[bold]x.py"
    path.write_text(FAULTY)
    assert run(["check", str(path)]) == METHOD_FAULT
    shown = capsys.readouterr().out
    assert "error `interpret` of '[bold]x' raised ValueError: [red]b[/] :smile: \\x1b[31m" in shown
    assert "\x1b" not in shown
    assert "the method keeps the contract" not in shown.splitlines()


HOSTILE = (
    (FOREIGN + "\nthe method keeps the contract", "[red]b[/] [/] :smile: \\x1b[31m\\x07\\x9b\\u202e"),
    ("[bold]\r\u2028\u2066x[/bold] [link=a]", "[bold]\\r\\u2028\\u2066x[/bold] [link=a]"),
)
TELLING = """
import torch
from istar.methods import Interpretation

NAME = {name!r}

def interpret(target, corpus):
    {interpret}

def predict(question, runs, target, interpretation, prepared):
    raise ValueError(NAME)
"""


@pytest.mark.parametrize(("name", "shown"), HOSTILE)
@pytest.mark.parametrize("interpret", ["raise ValueError(NAME)", "return Interpretation({NAME: torch.ones(1)}, NAME)"])
def test_what_a_method_says_is_text_in_every_part_of_a_check(tmp_path, capsys, name, shown, interpret):
    sayable = name.encode("utf-8", "ignore").decode()
    path = tmp_path / f"{sayable.replace('/', '')[:60]}.py".replace("\n", "")
    path.write_text(TELLING.format(name=sayable, interpret=interpret))
    assert run(["check", str(path)]) == METHOD_FAULT
    found = capsys.readouterr()
    assert shown in found.out
    assert found.err == ""
    assert all(letter.isprintable() or letter == "\n" for letter in found.out)
    assert "the method keeps the contract" not in found.out.splitlines()
    assert run(["check", str(path), "--json"]) == METHOD_FAULT
    text = capsys.readouterr().out
    assert text.isascii()
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert sayable in json.loads(text)["errors"][0]


def test_halves_of_surrogate_pairs_end_no_command_otherwise(tmp_path, capsys):
    path = tmp_path / "mine\udcff.py"
    path.write_text(TELLING.format(name="x", interpret="return Interpretation({'\\ud800': torch.ones(1)})"))
    assert run(["check", str(path)]) == METHOD_FAULT
    assert r"error no interpretation tensor can be called '\ud800'" in capsys.readouterr().out
    path.write_text(TELLING.format(name="x", interpret="return Interpretation()"))
    assert run(["check", str(path)]) == METHOD_FAULT
    assert "`predict` of 'mine\ufffd' raised ValueError: x\n    line 11, in predict" in capsys.readouterr().out


def test_wrong_usage_is_shown_and_names_the_help(capsys):
    assert run(["tasks", "audit", "--[red]\x1b[31m"]) == USAGE
    shown = capsys.readouterr().err
    assert "--[red]\\x1b[31m" in shown
    assert "see `istar tasks audit --help`" in shown


def test_no_command_prints_markup():
    for path in Path(istar.cli.__file__).parent.glob("*.py"):
        assert not re.search(r"\[/\w*\]", path.read_text(encoding="utf-8")), path
