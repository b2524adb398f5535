"""Samples of the simulations; all of what they find is in `results/uses/forecast/plateau.json`."""

import math

import numpy as np
import pytest
from plateau_simulations import CASES, ERROR, SETTINGS, Searches, run, scored
from scipy.stats import norm

from istar.protocol.plateau import Watch, rounds_needed


@pytest.mark.slow
def test_a_search_that_improves_is_stopped_before_the_next_improvement_as_rarely_as_stated():
    """At the very probability that the rule is made for; about ten waits a search."""
    searches, count = Searches(chance=SETTINGS.chance, step=8), 60
    found = run(searches, count, seed=0)["rule"]
    waits = count * 10
    assert 0.01 < found.waits < SETTINGS.error + 3 * math.sqrt(SETTINGS.error / waits)


def test_a_search_that_has_stopped_is_ended_after_the_rounds_of_a_plateau():
    found = run(CASES["improved by 4 for 30 rounds, and has stopped"], 20, seed=0)
    assert found["rule"].never == 0
    assert found["rule"].rounds_after == rounds_needed(SETTINGS)
    assert found["rule"].rounds_after < found["counter"].rounds_after
    assert abs(found["rule"].level_error) < 0.5


def test_a_lucky_first_method_ends_what_goes_by_training_rewards():
    lucky = run(CASES["the same by 2, and the first method was lucky by 12"], 30, seed=0)
    honest = run(CASES["improves with twice that probability, by 2"], 30, seed=0)
    assert lucky["rule"].stopped == honest["rule"].stopped
    assert lucky["counter"].stopped > honest["counter"].stopped + 0.2
    assert lucky["counter"].level_error > 2 > abs(lucky["rule"].level_error)


def test_the_gain_that_is_still_likely_holds_as_often_as_stated():
    """Proposals are about as good as the incumbent, and some better: which share of them lies above the limit?"""
    generator = np.random.default_rng(0)
    middle, spread = -1.0 * ERROR, 1.0 * ERROR
    wrong, gains = 0, []
    for _ in range(150):
        watch, worth = Watch(SETTINGS), 0.5
        watch.note(0, "first", scored(worth, generator), scored(worth, generator))
        for iteration in range(1, 60):
            drawn = worth + middle + spread * float(generator.standard_normal())
            trained, fresh = scored(drawn, generator), scored(drawn, generator)
            watch.note(iteration, str(iteration), trained, fresh if watch.claims(trained) else None)
            if watch.plateau().since != 0:  # a new incumbent: whoever is proposed is as much better or worse than it
                break
        found = watch.plateau()
        if found.since == 0:
            gains.append(found.gain / ERROR)
            wrong += norm.sf((found.gain - middle) / spread) > found.chance
    assert len(gains) > 20
    assert wrong <= (1 - found.gain_confidence) * len(gains)
    assert np.median(gains) < 6
