"""`istar tasks new`: what it writes runs, passes the conformance suite, and is what the documentation shows."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from istar.cli.app import run
from istar.cli.tasks import rendered
from istar.sandbox import tier_report
from measured import PATIENCE
from plugged import plugged

DOC = Path(__file__).parents[2] / "docs" / "task_family.md"


def process(*command, **settings):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **settings.pop("environment", {})}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=PATIENCE, check=False, **settings
    )


def test_the_page_shows_what_the_command_writes_in_sixty_lines():
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    assert code == rendered("family.py.txt", "repeated_words")
    assert len(code.splitlines()) <= 60


@pytest.mark.slow
def test_what_is_written_passes_its_tests_and_its_own_advice(tmp_path, monkeypatch, capsys):
    """The commands are those that `tasks new` prints; its own advice is that of the page."""
    assert run(["tasks", "new", "copy_strength", "--folder", str(tmp_path)]) == 0
    tested = process(sys.executable, "-m", "pytest", "-q", "test_copy_strength.py", cwd=tmp_path)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    unsafe = () if tier_report().safe else ("--unsafe",)
    place = ("--target", "tiny-random")
    commands = (
        ("truth", "build", "copy_strength", *place, "--questions", "3"),
        ("truth", "verify", "copy_strength", *place),
        ("tasks", "audit", "copy_strength", *place, "--no-corpus", "--executor-seeds", "1"),
        ("score", "noise", "--task", "copy_strength", *place, "--questions", "3", "--executor-seeds", "1", *unsafe),
    )
    with plugged(tmp_path / "copy_strength.py"):
        for command in commands:
            capsys.readouterr()
            ended = run(command)
            shown = capsys.readouterr()
            assert ended == 0, shown
            assert "copy_strength" in shown.out
    listing = ("tasks", "copy_strength", *place, "--json")
    plugin = {"ISTAR_PLUGINS": str(tmp_path / "copy_strength.py")}
    listed = process(sys.executable, "-m", "istar", *listing, cwd=tmp_path, environment=plugin)
    assert listed.returncode == 0, listed.stderr
    for each in json.loads(listed.stdout):
        assert each["status"] == "active"
        assert each["reliability"] >= 0.8
        assert each["brute_flops"] >= 200 * each["dearest_run_flops"]
        # the target is made for tests: what Python can hide is no small part of so little computation
        assert all(mark.startswith("for practice: a method could hide") for mark in each["marks"])


@pytest.mark.slow
def test_the_test_survives_another_data_set_and_other_sizes_and_runs_from_any_folder(tmp_path):
    assert run(["tasks", "new", "mine", "--folder", str(tmp_path)]) == 0
    path, elsewhere = tmp_path / "mine.py", tmp_path / "elsewhere"
    text = path.read_text(encoding="utf-8")
    for before, after in (('"plain"', '"common"'), ("words: int = 12", "words: int = 9"), ("= 160", "= 190")):
        assert before in text
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")
    elsewhere.mkdir()
    tested = process(sys.executable, "-m", "pytest", "-q", str(tmp_path / "test_mine.py"), cwd=elsewhere)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_commands_it_prints_can_be_pasted(tmp_path, capsys):
    folder = tmp_path / "my families"
    assert run(["tasks", "new", "copy_strength", "--folder", str(folder)]) == 0
    shown = capsys.readouterr().out
    (line,) = [line for line in shown.splitlines() if "see it:" in line]
    command = line.partition("see it:")[2].strip()
    assert shlex.split(command) == [
        f"ISTAR_PLUGINS={folder / 'copy_strength.py'}",
        *("istar", "tasks", "copy_strength", "--target", "tiny-random"),
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [("Copy-Strength", "small letters, digits and underscores"), ("shot_shapley", "there is a family called")],
)
def test_a_bad_name_is_refused(tmp_path, capfd, name, message):
    assert run(["tasks", "new", name, "--folder", str(tmp_path)]) == 1
    assert message in " ".join(capfd.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path, capfd):
    (tmp_path / "mine.py").write_text("precious")
    assert run(["tasks", "new", "mine", "--folder", str(tmp_path)]) == 1
    assert "would be overwritten" in " ".join(capfd.readouterr().err.split())
    assert (tmp_path / "mine.py").read_text() == "precious"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "which is no Python file"), ("import nothing_of_this_name", "cannot be imported")],
)
def test_a_bad_plugin_says_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "plug.py"
    if content is not None:
        path.write_text(content)
    found = process(sys.executable, "-m", "istar", "tasks", environment={"ISTAR_PLUGINS": str(path)})
    assert found.returncode == 1
    assert message in " ".join(found.stderr.split())
