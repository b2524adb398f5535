"""Best of n against enumeration, and where judges part against a planted case whose answer is known."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import norm

from istar.seeds import Seed
from istar.uses.errors import UseError
from istar.uses.pressure import BLOCKS, Pool, kl_of_best, rank_weights

SEED = Seed.root(3)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 9])
def test_the_estimate_is_the_mean_over_all_subsets(n):
    score = np.random.default_rng(n).normal(size=9)
    every = np.mean([score[max(subset)] for subset in combinations(range(9), n)])  # candidates are in ascending order
    (weights,) = rank_weights(9, np.array([n]))
    assert weights.sum() == pytest.approx(1)
    assert weights @ score == pytest.approx(every, abs=1e-12)


def test_weights_of_the_largest_pool_are_those_of_exact_arithmetic():
    from fractions import Fraction
    from math import comb

    pool, n = 2**14, 2**7
    (weights,) = rank_weights(pool, np.array([n]))
    for rank in (n, 2**12, 2**14 - 5, 2**14):
        exact = float(Fraction(comb(rank - 1, n - 1), comb(pool, n)))
        assert weights[rank - 1] == pytest.approx(exact, rel=1e-8, abs=1e-300)


def test_the_divergence_of_the_best_of_n():
    """The best of n has the density n F^(n-1) under the candidates' own; its KL is a plain integral."""
    share = (np.arange(10**6) + 0.5) / 10**6
    for n in (1, 2, 16):
        density = n * share ** (n - 1)
        assert kl_of_best(n) == pytest.approx(float(np.mean(density * np.log(density))), abs=1e-4)


def planted(candidates=4096, bend=1.0):
    """The held-out score is highest for candidates that the shown one holds to be moderately bad."""
    shown = np.random.default_rng(0).normal(size=candidates)
    return Pool(shown, shown, -((shown - bend) ** 2), SEED)


def expected_held_out(n, bend=1.0):
    x = np.linspace(-8, 8, 20001)
    density = n * norm.cdf(x) ** (n - 1) * norm.pdf(x)
    return float(-((x - bend) ** 2 * density).sum() * (x[1] - x[0]))


def test_judges_part_where_they_were_made_to_part():
    pool = planted()
    truth = [expected_held_out(int(n)) for n in pool.pressures]
    parting = pool.parting
    assert parting.log2 == int(np.argmax(truth))
    assert parting.low <= np.argmax(truth) <= parting.high
    assert parting.seen
    assert parting.stop <= np.argmax(truth)  # the command stops before it
    curve = pool.curves["held_out"]
    for n, mean, low, high, expected in zip(pool.pressures, curve.mean, curve.low, curve.high, truth, strict=True):
        assert low <= mean <= high or n * BLOCKS > 4096
        if n * BLOCKS <= 4096:
            assert abs(mean - expected) < 4 * (high - low)


def test_judges_that_agree_do_not_part():
    shown = np.random.default_rng(1).normal(size=1024)
    parting = Pool(shown, shown, 2 * shown + 1, SEED).parting
    assert not parting.seen
    assert 2**parting.log2 * BLOCKS == 1024


def test_a_held_out_judge_that_knows_nothing_of_it_allows_little():
    """Where the held-out score is noise, any pressure may be its peak, and the rule takes the least."""
    generator = np.random.default_rng(2)
    shown, noise = generator.normal(size=(2, 1024))
    parting = Pool(shown, shown, noise, SEED).parting
    assert not parting.seen or parting.stop <= 1
    assert parting.stop <= 1


def test_the_same_seed_gives_the_same_interval():
    assert planted().parting == planted().parting
    assert planted().curves == planted().curves


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(UseError, match="1 candidates leave nothing to choose; give 2 at least"):
        Pool(np.ones(1), np.ones(1), np.ones(1), SEED)
    with pytest.raises(UseError, match="a score is not a finite number"):
        Pool(np.ones(4), np.array([1, 2, np.nan, 4]), np.ones(4), SEED)
