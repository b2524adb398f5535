"""What a command need not load it does not load: torch and transformers take seconds."""

import os
import subprocess
import sys

import pytest

from istar.cli.app import METHOD_FAULT
from istar.targets.tokenizer import NamedTokenizer

RUN = """
import sys
from istar.cli.app import run
code = run(sys.argv[1:])
print(code, *sorted({"torch", "transformers", "optuna", "sqlalchemy", "plotly"} & set(sys.modules)), file=sys.stderr)
"""


def loaded(home, *arguments):
    """Return what a command has printed, its exit code, and which heavy libraries it has loaded."""
    environment = os.environ | {"ISTAR_HOME": str(home)}
    command = [sys.executable, "-c", RUN, *arguments]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    code, *heavy = shown.stderr.splitlines()[-1].split()
    return shown.stdout, int(code), heavy


def test_help_loads_no_library(tmp_path):
    for arguments in (["--help"], ["score", "--help"], ["tasks", "--help"]):
        shown, code, heavy = loaded(tmp_path, *arguments)
        assert (shown.startswith("Usage: istar"), code, heavy) == (True, 0, [])


def test_a_method_that_is_refused_loads_no_model(tmp_path):
    (tmp_path / "mine.py").write_text("import os\n")
    shown, code, heavy = loaded(tmp_path, "check", str(tmp_path / "mine.py"))
    assert "os" in shown
    assert (code, heavy) == (METHOD_FAULT, ["torch"])


@pytest.mark.parametrize("arguments", [(), ("train",), ("rare_output/sentences", "--json")])
def test_listing_tasks_loads_no_library(arguments, tmp_path, monkeypatch):
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    for name in ("tiny-text", "tiny-exact"):  # whoever used a task of theirs before has left this
        assert NamedTokenizer(name).tokenizer_digest
    shown, code, heavy = loaded(tmp_path, "tasks", *arguments)
    assert (bool(shown), code, heavy) == (True, 0, [])


def test_a_forecast_loads_no_library(tmp_path):
    shown, code, heavy = loaded(tmp_path, "forecast", "--draws", "1000", "--json")
    assert (bool(shown), code, heavy) == (True, 0, [])
