"""Sealed rows: they stay out of sight, and the answer that depends on them is what a slow computation says."""

import json

import numpy as np
import pytest

from istar.questions import (
    Column,
    FunctionalError,
    IntentProbability,
    Question,
    QuestionError,
    Run,
    SpanLogprob,
    Structure,
    functional_from_json,
    nested_batches,
    question_from_json,
    view_from_json,
)
from istar.seeds import Seed

INPUTS, VARIANTS, REPLICATES = 5, 3, 4


def cells():
    """Open rows of every input and variant, then sealed rows of a further variant."""
    open_rows = [(i, v, r, 0) for i in range(INPUTS) for v in range(VARIANTS) for r in range(REPLICATES)]
    return open_rows + [(i, VARIANTS, r, 1) for i in range(INPUTS) for r in range(REPLICATES)]


def structure(rows=None):
    names = (("input", "arm"), ("variant", "arm"), ("shots", "nuisance"), ("sealed", "sealed"))
    columns = zip(*(cells() if rows is None else rows), strict=True)
    return Structure(
        tuple(Column(name, role, tuple(map(float, each))) for (name, role), each in zip(names, columns, strict=True))
    )


def question(rows=None):
    placed = cells() if rows is None else rows
    runs = tuple(Run((0, 10 + i, 20 + v, 30 + r), SpanLogprob(3)) for i, v, r, _ in placed)
    return Question("made_up/inputs", 0, runs, structure(rows), IntentProbability("input", "variant"))


def test_a_structure_without_the_column_has_no_sealed_rows():
    plain = Structure((Column("query", "nuisance", (0, 1, 2)),))
    assert plain.sealed.tolist() == [False, False, False]
    assert structure().sealed.tolist() == [False] * 60 + [True] * 20


def test_the_view_lacks_the_sealed_rows_and_keeps_row_numbers():
    asked = question()
    view = asked.view
    assert view.runs == asked.runs[:60]
    assert view.structure.rows == 60
    assert not view.structure.sealed.any()
    assert view.structure["shots"].tolist() == asked.structure["shots"][:60].tolist()
    assert all(run.tokens[2] != 20 + VARIANTS for run in view_from_json(json.loads(json.dumps(view.to_json()))).runs)


def test_a_question_without_sealed_rows_is_shown_whole():
    asked = question(cells()[:60])
    assert asked.view.runs == asked.runs
    assert asked.view.structure == asked.structure


def test_the_whole_question_survives_json():
    again = question_from_json(json.loads(json.dumps(question().to_json())))
    assert again.hash == question().hash
    assert len(again.runs) == 80


def test_sealed_rows_come_last():
    with pytest.raises(QuestionError, match="question 0 of made_up/inputs: rows that are sealed must come after"):
        question(cells()[60:] + cells()[:60])
    with pytest.raises(QuestionError, match="must come after others"):
        question(cells()[60:])


def test_nested_batches_are_those_of_the_view():
    asked, seed = question(), Seed.root(4)
    batches = nested_batches(asked.structure, seed)
    assert np.sort(np.concatenate(batches)).tolist() == list(range(60))
    for mine, shown in zip(batches, nested_batches(asked.view.structure, seed), strict=True):
        assert mine.tolist() == shown.tolist()


class TestIntentProbability:
    FUNCTIONAL = IntentProbability("input", "variant")

    def test_what_an_input_could_be_and_is_not(self):
        values = np.random.default_rng(0).random(80)
        slow = []
        for unit in range(INPUTS):
            able, does = [], []
            for value, (i, variant, _, sealed) in zip(values, cells(), strict=True):
                if i == unit and sealed:
                    able.append(value)
                elif i == unit and variant == 0:
                    does.append(value)
            slow.append(sum(able) / len(able) - sum(does) / len(does))
        assert self.FUNCTIONAL.answer(values, structure()) == pytest.approx(slow)
        drawn = np.stack([values, 1 - values])
        assert self.FUNCTIONAL.answer(drawn, structure())[1] == pytest.approx([-each for each in slow])

    def test_the_loss_is_the_brier_score_where_the_truth_is_yes_or_no(self):
        values = np.array([float(i < 2) if sealed else 0.3 * (v > 0) for i, v, _, sealed in cells()])
        said = np.array([0.9, 0.4, 0.2, 0.0, 0.5])
        brier = (0.1**2 + 0.6**2 + 0.2**2 + 0.0**2 + 0.5**2) / 5
        assert self.FUNCTIONAL.loss(said, values, structure()) == pytest.approx(brier)

    def test_survives_json(self):
        assert functional_from_json(json.loads(json.dumps(self.FUNCTIONAL.to_json()))) == self.FUNCTIONAL

    def test_somebody_has_to_know_the_truth(self):
        with pytest.raises(FunctionalError, match="no sealed rows, so nothing says what is held back"):
            self.FUNCTIONAL.answer(np.zeros(60), structure(cells()[:60]))
        with pytest.raises(FunctionalError, match="no open rows at level 0 of 'variant', so nothing says"):
            self.FUNCTIONAL.answer(np.zeros(20), structure(cells()[60:]))
        with pytest.raises(FunctionalError, match="no row belongs to level 4 of 5"):
            self.FUNCTIONAL.answer(np.zeros(76), structure(cells()[:76]))
