"""`istar tasks new`: what it writes runs, passes the conformance suite, and is what the documentation shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from istar.cli.app import run
from istar.cli.tasks import rendered

DOC = Path(__file__).parents[2] / "docs" / "task_family.md"


def process(*command, **settings):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **settings.pop("environment", {})}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=300, check=False, **settings
    )


def test_the_page_shows_what_the_command_writes_in_sixty_lines():
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    assert code == rendered("family.py.txt", "repeated_words")
    assert len(code.splitlines()) <= 60


@pytest.mark.slow
def test_what_is_written_passes_its_tests_and_runs(tmp_path):
    assert run(["tasks", "new", "copy_strength", "--folder", str(tmp_path)]) == 0
    tested = process(sys.executable, "-m", "pytest", "-q", "test_copy_strength.py", cwd=tmp_path)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    plugin = {"ISTAR_PLUGINS": str(tmp_path / "copy_strength.py"), "ISTAR_HOME": str(tmp_path / "home")}
    for command in (
        ("truth", "build", "copy_strength", "--target", "tiny-random", "--questions", "3"),
        ("truth", "verify", "copy_strength", "--target", "tiny-random"),
        ("tasks", "audit", "copy_strength", "--target", "tiny-random", "--no-corpus", "--executor-seeds", "1"),
    ):
        found = process(sys.executable, "-m", "istar", *command, cwd=tmp_path, environment=plugin)
        assert found.returncode == 0, found.stdout + found.stderr
        assert "copy_strength" in found.stdout


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
