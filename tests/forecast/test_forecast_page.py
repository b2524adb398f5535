"""The commands of the page run as they stand there, and do what it says."""

import json
import re
import shlex
from pathlib import Path

import pytest

from istar.cli.app import SUCCESS, run

PAGE = Path(__file__).parents[2] / "docs" / "forecast.md"
COMMANDS = re.findall(r"^\.venv/bin/istar (forecast.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
(INPUTS,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("my_inputs.toml").write_text(INPUTS, encoding="utf-8")
    assert run(shlex.split(command)) == SUCCESS
    shown = capsys.readouterr().out
    if "--json" in command:
        found = json.loads(shown)
        assert found["name"] == "metr-2026 with my_inputs.toml"
        assert found["inputs"]["start_hours"] == {
            "low": 8.5,
            "high": 100,
            "median": 16,
            "mass": 0.95,
            "shape": "lognormal",
        }
        assert (found["draws"], found["seed"]) == (1_000_000, 1)
    else:
        assert "median" in shown
    assert Path("forecast.svg").exists() == ("--picture" in command)


def test_the_committed_results_are_what_the_commands_give(capsys):
    """To the digits that the page shows, on any processor."""
    for name in ("document", "metr-2026"):
        assert run(["forecast", "--preset", name, "--draws", "1000000", "--json"]) == SUCCESS
        found = json.loads(capsys.readouterr().out)
        committed = json.loads((PAGE.parents[1] / "results" / "uses" / "forecast" / f"{name}.json").read_text())
        for each in ("low", "median", "high"):
            assert found[each] == pytest.approx(committed[each], abs=0.005)
        assert found["moves"] == pytest.approx(committed["moves"], abs=0.005)
        assert found["sources"] == committed["sources"]
