"""Samples of the simulations: what they find in full is in the report of `make trust`."""

import numpy as np
import pytest
from simulations import Population, climb, coverage


def test_an_adversary_gains_less_than_a_standard_error_through_the_ladder_and_much_without_it():
    through = [climb(1000, 24, seed, guarded=True) for seed in range(8)]
    without = [climb(1000, 24, seed, guarded=False) for seed in range(2)]
    assert np.mean(through) < 1.0
    assert np.mean(without) > 5.0


@pytest.mark.slow
def test_intervals_hold_the_truth_and_noise_is_rarely_called_better():
    found = coverage(Population(mean=0.0, within=0.4, freedom=5.0, questions=12), 60, seed=0, resamples=200)
    assert found.held >= 0.85  # 95% less three standard errors of so few evaluations
    assert found.above <= 0.1
