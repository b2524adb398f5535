"""Detection against counting pairs; models of a line-up are found by their sealed rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istar.duel.detection import Scores, detection
from istar.seeds import Seed

SEED = Seed.root(0)
NUMBERS = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=4).map(tuple)


@given(st.lists(st.builds(Scores, NUMBERS, NUMBERS), min_size=1, max_size=6))
def test_the_auroc_is_the_share_of_pairs_in_order(scores):
    found = detection(scores, SEED)
    modified = [score for each in scores for score in each.modified]
    benign = [score for each in scores for score in each.benign]
    pairs = [(m > b) + 0.5 * (m == b) for m in modified for b in benign]
    assert found.auroc.value == pytest.approx(np.mean(pairs))
    # fewer than a hundred benign models: none of them may be called modified
    assert found.true_positives.value == pytest.approx(np.mean([score > max(benign) for score in modified]))
    assert np.trapezoid(found.true_positive_rate, found.false_positive_rate) == pytest.approx(np.mean(pairs))


def test_one_in_a_hundred_false_positives_is_allowed():
    benign = tuple(np.arange(100.0))
    assert detection([Scores((98.5,), benign)], SEED).true_positives.value == 1.0
    assert detection([Scores((97.5,), benign)], SEED).true_positives.value == 0.0


def test_intervals_are_of_questions_and_repeat_with_the_seed():
    mixed = [Scores((1.0,), (0.0, 0.5)), Scores((0.2,), (0.4, 0.1)), Scores((0.9,), (0.0, 0.95))]
    found = detection(mixed, SEED)
    assert found.auroc.low < found.auroc.value < found.auroc.high
    assert detection(mixed, SEED) == found
    sure = detection([Scores((1.0,), (0.0, 0.0))] * 4, SEED)
    assert (sure.auroc.low, sure.auroc.high) == (1.0, 1.0)
