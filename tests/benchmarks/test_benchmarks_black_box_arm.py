"""What the comparison with published estimators counts as an answer."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from black_box_arm import SHAPIQ, shapley_estimator
from istar.questions import Column, ShapleyValues, Structure

PLAYERS, QUERIES = 7, 2


@pytest.fixture
def case():
    """A game in which no player's value is 0."""
    coalition, query = np.divmod(np.arange(2**PLAYERS * QUERIES), QUERIES)
    on = (coalition[:, None] >> np.arange(PLAYERS)) & 1
    columns = [Column(f"player{i}", "switch", tuple(map(float, on[:, i]))) for i in range(PLAYERS)]
    structure = Structure((*columns, Column("query", "nuisance", tuple(map(float, query)))))
    values = on @ np.arange(1.0, PLAYERS + 1) + np.random.default_rng(0).normal(size=len(on))
    question = SimpleNamespace(structure=structure, functional=ShapleyValues())
    return SimpleNamespace(table=SimpleNamespace(question=question, values=values), seed=0)


@pytest.mark.parametrize("name", SHAPIQ)
def test_players_that_were_not_reached_are_no_answer(case, name):
    found = list(shapley_estimator(SHAPIQ[name], 1.0)(case))
    assert found, "there is an answer once there is budget enough"
    assert all(answer.all() for _, answer in found)


def test_permutation_sampling_has_no_answer_below_n_plus_1_evaluations(case):
    rows = [len(rows) / QUERIES for rows, _ in shapley_estimator(SHAPIQ["permutation sampling"], 1.0)(case)]
    assert min(rows) >= PLAYERS + 1
