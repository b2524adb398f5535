"""Areas under ROC curves: against another library and closed forms, with intervals that hold what they should."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from istar.seeds import Seed
from istar.uses.auroc import areas, holm, wins

ROOT = Seed.root(0)


@pytest.mark.parametrize("ties", [False, True])
def test_the_mean_win_is_the_area_of_scikit_learn(ties):
    random = np.random.default_rng(0)
    scores = [random.normal(shift, 1, count) for shift, count in ((0.7, 23), (0.0, 31))]
    if ties:
        scores = [np.round(each) for each in scores]
    labels = np.repeat([1, 0], [23, 31])
    assert wins(*scores).mean() == pytest.approx(roc_auc_score(labels, np.concatenate(scores)))


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.5])), [0.04, 0.09, 0.09, 0.5])
    np.testing.assert_allclose(holm(np.array([0.4, 0.6])), [0.8, 0.8])


def test_groups_weigh_the_same_and_so_do_comparisons_in_them():
    high, half, low = np.ones((2, 3)), np.full((4, 2), 0.5), np.zeros((3, 3))
    (found,) = areas([[high, half, low]], ["a", "a", "b"], 0, ROOT)
    assert found.estimate == pytest.approx((0.75 + 0) / 2)
    assert found.by_comparison == (1.0, 0.5, 0.0)
    # group a twice, in 1 of 4, and in it a half once at most, in 5 of 16: 8% of resamples; 1.6% have none
    assert (found.low, found.high) == (0.0, 0.875)


def test_an_interval_holds_the_true_area_about_as_often_as_it_says():
    random = np.random.default_rng(1)
    held, tries, shift = 0, 60, 1.0
    true = norm.cdf(shift / np.sqrt(2))
    for number in range(tries):
        matrix = wins(random.normal(shift, 1, 30), random.normal(0, 1, 30))
        (found,) = areas([[matrix]], ["one"], 0, ROOT.split(number))
        held += found.low <= true <= found.high
    assert 0.88 <= held / tries <= 0.99


def test_organisms_that_differ_widen_the_interval_more_than_further_words_narrow_it():
    good, bad = np.ones((200, 200)), np.zeros((200, 200))
    (found,) = areas([[good, bad, good]], ["a", "b", "c"], 0, ROOT)
    assert found.low <= 1 / 3
    assert found.high == 1.0
    assert found.corrected > 0.05


def test_scores_are_compared_on_the_same_resamples():
    random = np.random.default_rng(2)
    matrix = wins(random.normal(1, 1, 20), random.normal(0, 1, 20))
    better = np.minimum(1, matrix + 0.1)
    worse, best = areas([[matrix], [better]], ["one"], 0, ROOT)
    assert (worse.above, worse.above_low, worse.above_high) == (0, 0, 0)
    assert best.above_low > 0  # though the intervals of both overlap
    assert best.low < worse.high


def test_several_tests_at_once_are_corrected_for():
    random = np.random.default_rng(3)
    nothing = [[wins(random.normal(0, 1, 20), random.normal(0, 1, 20))] for _ in range(19)]
    clear = [[wins(random.normal(3, 1, 20), random.normal(0, 1, 20))]]
    found = areas([*nothing, *clear], ["one"], 0, ROOT)
    assert all(each.corrected >= each.p_value for each in found)
    assert found[-1].corrected < 0.05
    assert all(each.corrected > 0.05 for each in found[:-1])


def test_an_area_below_chance_is_significant_too():
    (found,) = areas([[np.zeros((12, 12))]], ["one"], 0, ROOT)
    assert (found.estimate, found.low, found.high) == (0, 0, 0)
    assert found.p_value < 0.01
