"""What other questions promise of channels, and how far it is believed."""

import numpy as np
import pytest

from istar.executors.experience import Experience
from istar.executors.hindsight import STRIDES, ChannelRecord, OpinionRecord, RowRecord
from istar.executors.opinion import Agreement
from istar.executors.regression import Regression

ROWS_LEFT = np.array([[0.1, 0.9], [1.0, 0.0]])


def opinions(left, number=0):
    """A question whose whole loss but `left` goes with an opinion that is right about the rest."""
    agreement = Agreement(8.0, 8.0 * np.sqrt(1 - left), 8.0, 8)
    heard = np.interp(STRIDES, [0.0, 1.0], [1.0, left])[None]
    record = OpinionRecord(Regression(np.eye(2), np.ones(2), 10.0, 10), (agreement,), heard)
    return ChannelRecord(f"question {number}", np.array([0.1]), ROWS_LEFT, record, None)


def beside(heard, alone=1.0, number=0):
    rows = RowRecord(0.1, np.full(1, 1.0), 1.0, 0.1, np.ones(1), np.array([[heard, alone]]))
    return ChannelRecord(f"question {number}", np.array([0.1]), ROWS_LEFT, None, rows)


def left(make, *values):
    experience = Experience(tuple(make(value, number=number) for number, value in enumerate(values)))
    return experience.left_by_opinion(1) if make is opinions else experience.left_beside_rows(1)


@pytest.mark.parametrize("make", [opinions, beside])
def test_a_gain_on_which_questions_agree_is_believed(make):
    assert left(beside, 0.3, 0.3, 0.3) == pytest.approx(0.3)
    assert left(make, 0.3, 0.3, 0.3) < left(make, 0.0, 0.3, 0.6) < 1.0


def test_the_standard_error_counts_against_a_gain():
    values = np.array([0.2, 0.5, 0.8])
    assert left(beside, *values) == pytest.approx(values.mean() + values.std(ddof=1) / np.sqrt(3))
    assert left(beside, 0.5, 1.4, 0.9) > 1.0


def test_a_ratio_of_losses_is_not_swayed_by_how_hard_questions_are():
    records = [beside(0.5 * alone, alone, number) for number, alone in enumerate((0.1, 1.0, 5.0))]
    assert Experience(tuple(records)).left_beside_rows(1) == pytest.approx(0.5)


@pytest.mark.parametrize("make", [opinions, beside])
def test_a_single_question_is_believed_by_half(make):
    alone, several = left(make, 0.4), left(make, 0.4, 0.4, 0.4)
    assert several < alone < 1.0
    assert left(beside, 0.4) == pytest.approx(0.7)


def test_a_question_without_a_channel_is_one_without_a_gain():
    silent = ChannelRecord("silent", np.zeros(0), ROWS_LEFT, None, None)
    spoken = [beside(0.2, number=number) for number in range(2)]
    found = Experience((*spoken, silent)).left_beside_rows(1)
    values = np.array([0.2, 0.2, 1.0])
    assert found == pytest.approx(values.mean() + values.std(ddof=1) / np.sqrt(3))
