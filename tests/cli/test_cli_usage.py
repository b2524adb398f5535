import json
import subprocess
import sys
from typing import get_args

import pytest

from istar.cli.app import ERROR, METHOD_FAULT, SUCCESS, USAGE, app, register_commands, run
from istar.cli.options import Dtype
from istar.protocol.config import SearchConfig
from istar.targets.loading import DTYPES

COMMANDS = (
    "check",
    "doctor",
    "duel",
    "forecast",
    "report",
    "rescore",
    "rulebook",
    "scenario",
    "score",
    "search",
    "tasks",
    "truth",
    "unseal",
)


def test_help_names_every_command():
    shown = subprocess.run([sys.executable, "-m", "istar", "--help"], capture_output=True, text=True, check=True)
    for command in COMMANDS:
        assert f" {command} " in shown.stdout
    assert "Exit codes" in shown.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from istar.cli.app import run; run(['--help']); "
        "print([name for name in ('torch', 'numpy', 'transformers', 'sqlalchemy', 'pydantic') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip().endswith("[]")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, capsys):
    assert run([command, "--help"]) == SUCCESS
    shown = capsys.readouterr().out
    assert "Usage" in shown
    if command != "truth":
        assert f"istar {command}" in shown


def commands(group=app, names=()):
    """Return the words of every command and group."""
    own = [name for name in group if not name.startswith("-")]
    return [(*names, name) for name in own] + [
        deeper for name in own for deeper in commands(group[name], (*names, name))
    ]


register_commands()


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_examples_of_its_own_alone(words, capsys):
    assert run([*words, "--help"]) == SUCCESS
    shown = capsys.readouterr().out
    described, _, examples = shown.partition("Example")
    assert "istar " + " ".join(words) not in described.replace("Usage: istar " + " ".join(words), "")
    lines = [line.strip() for line in examples.splitlines()[1:] if line.strip()]
    assert lines
    for line in lines:
        assert f"istar {' '.join(words)}" in line
    assert "Exit codes" not in examples


def test_no_paragraph_of_help_is_broken_in_its_middle(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["score", "--help"]) == SUCCESS
    shown = capsys.readouterr().out
    assert "needs a third of the FLOPs for the same skill. Where nothing says what is asked" in " ".join(shown.split())


def test_the_help_names_every_number_format():
    accepted = get_args(SearchConfig.model_fields["dtype"].annotation)
    assert set(accepted) == set(DTYPES)
    (parameter,) = get_args(Dtype)[1:]
    assert parameter.help == f"{', '.join(accepted[:-1])} or {accepted[-1]}."


def test_wrong_names_are_refused_before_anything_heavy_is_loaded():
    code = (
        "import sys; from istar.cli.app import run; code = run({arguments!r}); "
        "heavy = ('transformers', 'sqlalchemy', 'istar.protocol.setup'); "
        "print(code, [name for name in heavy if name in sys.modules])"
    )
    for arguments in (["score", "noise", "--task", "nope"], ["tasks", "nope"], ["tasks", "audit", "nope"]):
        command = [sys.executable, "-c", code.format(arguments=arguments)]
        shown = subprocess.run(command, capture_output=True, text=True, check=True)
        assert shown.stdout.strip() == f"{ERROR} []", arguments


def test_several_values_may_follow_one_flag(tmp_path, capsys):
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text("[]")
    files = [str(tmp_path / name) for name in ("one.json", "two.json", "none.json")]
    assert run(["tasks", "audit", "train", "--methods", *files]) == ERROR
    assert "none.json" in capsys.readouterr().err  # the others were read
    assert run(["score", "noise", "--task", "shot_shapley", "nope"]) == ERROR
    assert "called 'nope'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nothing"], ["score"], ["search", "--methods", "many"], ["tasks", "--wrong"]])
def test_wrong_usage_exits_with_2(arguments):
    assert run(arguments) == USAGE


def test_missing_file_is_the_users_error_without_a_traceback(capsys):
    assert run(["check", "nowhere.py"]) == METHOD_FAULT
    shown = capsys.readouterr().err
    assert "nowhere.py" in shown
    assert "Traceback" not in shown


def test_faulty_method_exits_with_3_before_anything_is_loaded(tmp_path, capsys):
    (tmp_path / "bad.py").write_text("import os\n")
    assert run(["score", str(tmp_path / "bad.py")]) == METHOD_FAULT
    assert "os" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["unseal", "report"])
def test_missing_run_lists_those_there_are(command, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    assert run([command, "yours", "--runs", str(tmp_path)]) == ERROR
    assert "there are: mine" in " ".join(capsys.readouterr().err.split())


def test_unknown_preset_and_setting_are_errors(tmp_path, capsys):
    assert run(["search", "--preset", "nothing", "--runs", str(tmp_path)]) == ERROR
    assert "there are: standard, demo" in " ".join(capsys.readouterr().err.split())
    assert run(["search", "--methods", "0", "--runs", str(tmp_path)]) == ERROR
    assert "methods" in capsys.readouterr().err
    (tmp_path / "mine.json").write_text(json.dumps({"method": 3}))
    assert run(["search", "--config", str(tmp_path / "mine.json"), "--runs", str(tmp_path)]) == ERROR
    assert "method: no such setting; did you mean methods?" in " ".join(capsys.readouterr().err.split())


def test_existing_run_is_not_overwritten(tmp_path, capsys):
    from istar.protocol.config import SearchConfig

    folder = tmp_path / "mine"
    folder.mkdir()
    SearchConfig(target="tiny-random").save(folder)
    assert run(["search", "--run", "mine", "--runs", str(tmp_path)]) == ERROR
    assert "--resume" in capsys.readouterr().err
    assert run(["search", "--run", "mine", "--runs", str(tmp_path), "--resume", "--methods", "7"]) == ERROR
    assert "differing: methods" in " ".join(capsys.readouterr().err.split())


def test_doctor_reports_json(capsys):
    assert run(["doctor", "--json"]) in (SUCCESS, ERROR)
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"sandbox", "machine", "versions", "data"}
    assert report["sandbox"]["tier"] in ("bubblewrap", "landlock", "plain")
