"""Samples of the simulations; all of what they find is in `results/uses/forecast/plateau.json`."""

import math

import pytest
from plateau_simulations import CASES, SETTINGS, Searches, run

from istar.protocol.plateau import rounds_needed


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
