"""What other questions promise of channels, and how far it is believed."""

import numpy as np
import pytest
from istar.executors.statistician.fidelity.drift import LevelSums
from istar.executors.statistician.fidelity.experience import Experience
from istar.executors.statistician.fidelity.hindsight import ChannelRecord, OpinionRecord
from istar.executors.statistician.fidelity.opinion import Agreement

from istar.executors.statistician.fidelity.regression import Regression
from istar.executors.statistician.settings import STRIDES

ROWS_LEFT = np.array([[0.1, 0.9], [1.0, 0.0]])


def opinions(left, number=0):
    """A question whose whole loss but `left` goes with an opinion that is right about the rest."""
    agreement = Agreement(8.0, 8.0 * np.sqrt(1 - left), 8.0, 8)
    heard = np.interp(STRIDES, [0.0, 1.0], [1.0, left])[None]
    record = OpinionRecord(Regression(np.eye(2), np.ones(2), 10.0, 10), (agreement,), heard)
    return ChannelRecord(f"question {number}", np.array([0.1]), ROWS_LEFT, record, None)


class FakeRehearsal:
    """A question on which channels that go with values leave a known loss, however many rows there are."""

    channels = 1

    def __init__(self, heard, alone):
        related = Regression(np.diag([100.0, 1.0]), np.array([90.0, 0.0]), 100.0, 100)
        self.sums = (LevelSums(related, related),)
        self.loss_of_rows, self._heard = alone * np.array([1.0, 0.5]), heard * np.array([1.0, 0.5])

    def loss_with_channels(self, batch, drift):
        assert drift.informative
        return self._heard


def loss_with_channels(heard, alone=1.0, number=0):
    return ChannelRecord(f"question {number}", np.array([0.1]), ROWS_LEFT, None, FakeRehearsal(heard, alone))


def left(make, *values):
    experience = Experience(tuple(make(value, number=number) for number, value in enumerate(values)))
    return experience.left_by_opinion(1) if make is opinions else beside_rows(experience)


def beside_rows(experience):
    """What is left where rows alone leave as much as the blind answer; in proportion where they leave less."""
    at_first, later = experience.left_with_rows(1, np.array([1.0, 0.25]))
    assert later == pytest.approx(at_first / 4)
    return at_first


@pytest.mark.parametrize("make", [opinions, loss_with_channels])
def test_a_gain_on_which_questions_agree_is_believed(make):
    assert left(loss_with_channels, 0.3, 0.3, 0.3) == pytest.approx(0.3)
    assert left(make, 0.3, 0.3, 0.3) < left(make, 0.0, 0.3, 0.6) < 1.0


def test_the_standard_error_counts_against_a_gain():
    values = np.array([0.2, 0.5, 0.8])
    assert left(loss_with_channels, *values) == pytest.approx(values.mean() + values.std(ddof=1) / np.sqrt(3))
    assert left(loss_with_channels, 0.5, 1.4, 0.9) > 1.0


def test_a_ratio_of_losses_is_not_swayed_by_how_hard_questions_are():
    records = [loss_with_channels(0.5 * alone, alone, number) for number, alone in enumerate((0.1, 1.0, 5.0))]
    assert beside_rows(Experience(tuple(records))) == pytest.approx(0.5)


@pytest.mark.parametrize("make", [opinions, loss_with_channels])
def test_a_single_question_is_believed_by_half(make):
    alone, several = left(make, 0.4), left(make, 0.4, 0.4, 0.4)
    assert several < alone < 1.0
    assert left(loss_with_channels, 0.4) == pytest.approx(0.7)


def test_a_question_without_a_channel_is_one_without_a_gain():
    silent = ChannelRecord("silent", np.zeros(0), ROWS_LEFT, None, None)
    spoken = [loss_with_channels(0.2, number=number) for number in range(2)]
    assert beside_rows(Experience((*spoken, silent))) == pytest.approx((0.2 + 0.2 + 1.0) / 3)


def test_without_a_word_on_other_questions_nothing_is_expected_of_channels():
    silent = ChannelRecord("silent", np.zeros(0), ROWS_LEFT, None, None)
    experience = Experience((silent, silent))
    assert experience.drift(1) is None
    np.testing.assert_array_equal(experience.left_with_rows(1, np.array([0.9, 0.1])), [0.9, 0.1])
