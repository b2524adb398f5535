"""The suite for families runs wherever it is started, and finds functionals that audits could not ask."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from suites import fails

from istar.questions import Functional
from istar.tasks.position_bias import PositionBias
from istar.testing.families import FamilyConformance

FAMILY = """
from istar.tasks import FAMILIES
from istar.tasks.position_bias import PositionBias


class Mine(PositionBias):
    name = "mine_of_a_test"


FAMILIES.add(Mine.name, Mine())
"""
SUITE = """
from mine_of_a_test import Mine

from istar.testing.families import FamilyConformance


class TestMine(FamilyConformance):
    def make(self):
        return Mine()
"""


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["prepend", "plug-in"])
def test_it_runs_from_any_folder(tmp_path, monkeypatch, mode):
    """The family is found by the other process too, beside the test or as a plug-in elsewhere."""
    beside, elsewhere, started = tmp_path / "tests", tmp_path / "plugins", tmp_path / "started"
    for folder in (beside, elsewhere, started):
        folder.mkdir()
    place = beside if mode == "prepend" else elsewhere
    (place / "mine_of_a_test.py").write_text(FAMILY)
    suite = SUITE if mode == "prepend" else "from istar.plugins import load_plugins\n\nload_plugins()\n" + SUITE
    (beside / "test_mine_of_a_test.py").write_text(suite)
    monkeypatch.setenv("ISTAR_PLUGINS", "" if mode == "prepend" else str(place / "mine_of_a_test.py"))
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path / "home"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", beside, "-k", "another_process"]
    found = subprocess.run(command, check=False, capture_output=True, text=True, cwd=started)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "1 passed" in found.stdout


class OneColumn(Functional):
    """The answer of another functional, for a single column of values."""

    kind = "one_column"

    def __init__(self, said):
        self.said = said

    def answer(self, values, structure):
        return self.said.answer(values[np.arange(structure.rows)], structure)


class FirstReplicateOnly(OneColumn):
    def answer(self, values, structure):
        first = np.all([column.array == 0 for column in structure.of("nuisance")], axis=0)
        return np.stack([values[..., first].mean(-1)], axis=-1)


class Suite(FamilyConformance):
    functional = staticmethod(lambda said: said)

    def make(self):
        return PositionBias()

    def questions(self, index=0):
        question = super().questions(index)[0]
        return [replace(question, functional=self.functional(question.functional))]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("functional", "test"),
    [
        (OneColumn, "test_answers_for_several_columns_at_once"),
        (FirstReplicateOnly, "test_can_be_asked_of_half_the_replicates"),
    ],
)
def test_a_functional_that_cannot_be_asked_later_is_found(functional, test):
    suite = Suite()
    assert not fails(suite, test)
    suite.functional = functional
    assert not fails(suite, "test_truth_has_no_loss")
    assert fails(suite, test)
