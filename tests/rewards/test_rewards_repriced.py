from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reward_curves import BRUTE, CHECKPOINTS, OCTAVES, make_curve, ramp

from istar.rewards.repriced import BatchPrices, RepricedError, repriced

COUNT = len(CHECKPOINTS)
BOUGHT = (0,) * 4 + (1,) * 5 + (2,) * (COUNT - 9)
"""Batches of channels: one from the fifth checkpoint on, two from the tenth."""
BATCHES = (BRUTE // 1024, BRUTE // 64)


def white(skill, **changes):
    curve = make_curve(skill, arm="white_box", stop=BRUTE // 8)
    return replace(curve, channel_batches=BOUGHT, rows=tuple(range(COUNT)), **changes)


skills = st.lists(st.floats(-1, 1), min_size=COUNT, max_size=COUNT)


@given(skills)
def test_the_same_prices_give_the_same_curve(skill):
    assert repriced(white(skill), BRUTE, BatchPrices(BATCHES, BATCHES)) == white(skill)
    assert repriced(make_curve(skill), BRUTE, BatchPrices()) == make_curve(skill)


@given(skills, st.integers(2, 9))
def test_prices_that_all_change_alike_change_no_share_of_brute_force(skill, times):
    same = repriced(white(skill), times * BRUTE, BatchPrices(BATCHES, [times * each for each in BATCHES]))
    assert same.skill == white(skill).skill
    assert same.loss == white(skill).loss
    assert same.rows == white(skill).rows
    assert same.checkpoints == tuple(times * each for each in CHECKPOINTS)
    assert same.flops == tuple(times * each for each in CHECKPOINTS)
    assert same.stop_flops == times * white(skill).stop_flops


def test_an_answer_stands_where_its_channels_cost_now():
    """All that is spent at each budget goes for one batch, which comes to cost twice as much: half a budget is gone."""
    line = ramp(-4.0)
    curve = replace(make_curve(line, arm="white_box"), channel_batches=tuple(range(1, COUNT + 1)))
    twice = repriced(curve, BRUTE, BatchPrices(CHECKPOINTS, [2 * each for each in CHECKPOINTS]))
    later = ramp(-3.0)
    assert np.allclose(twice.skill[2:], later[2:])
    assert twice.skill[:2] == (0.0, 0.0)  # the first answer is no longer to be had there
    assert twice.loss[:2] == (curve.reference_loss,) * 2
    assert (twice.rows[:2], twice.channel_batches[:3], twice.flops[:3]) == (
        (0, 0),
        (0, 0, 1),
        (0, 0, 2 * CHECKPOINTS[0]),
    )
    half = repriced(curve, BRUTE, BatchPrices(CHECKPOINTS, [each // 2 for each in CHECKPOINTS]))
    assert np.allclose(half.skill[:-2], ramp(-5.0)[:-2])
    assert half.skill[-2:] == (curve.skill[-1],) * 2


def test_answers_that_took_channels_alone_cost_nothing_once_these_are_free():
    curve = replace(make_curve(ramp(-4.0), arm="white_box"), channel_batches=tuple(range(1, COUNT + 1)))
    free = repriced(curve, BRUTE, BatchPrices(CHECKPOINTS, (0,) * COUNT))
    assert free.skill == (curve.skill[-1],) * COUNT
    assert free.flops == (0,) * COUNT


def test_only_the_part_that_went_for_channels_changes():
    curve = white(ramp(-4.0))
    free = repriced(curve, BRUTE, BatchPrices(BATCHES, (0, 0)))
    moved = np.interp(OCTAVES, OCTAVES + np.log2(1 - np.array([0, *BATCHES])[list(BOUGHT)] / CHECKPOINTS), ramp(-4.0))
    assert np.allclose(free.skill, moved)
    assert free.skill[:4] == curve.skill[:4]
    spent = curve.stop_flops - BATCHES[1]
    assert free.stop_flops == pytest.approx(spent)


def test_channels_at_prices_that_are_not_known_are_an_error():
    for prices in (BatchPrices(), BatchPrices(BATCHES[:1], BATCHES[:1]), BatchPrices(BATCHES, BATCHES[:1])):
        with pytest.raises(RepricedError, match="bought 2 batches of channels, and what they cost is not known"):
            repriced(white(0.5), BRUTE, prices)
    with pytest.raises(RepricedError, match="cost more than it spent"):
        repriced(white(0.5), BRUTE, BatchPrices((BRUTE, BRUTE), BATCHES))
    with pytest.raises(RepricedError, match="must cost something"):
        repriced(white(0.5), 0, BatchPrices(BATCHES, BATCHES))


def test_intervals_go_with_the_answers_they_belong_to():
    curve = replace(white(0.5), coverage=(None, *np.linspace(0.5, 1.0, COUNT - 1).tolist()))
    curve = replace(curve, half_width=(None, *np.linspace(4.0, 0.0, COUNT - 1).tolist()))
    curve = replace(curve, stop_answer=(1.0,), stop_half_width=(0.25,), stop_coverage=1.0)
    assert repriced(curve, BRUTE, BatchPrices(BATCHES, BATCHES)) == curve
    dearer = repriced(curve, BRUTE, BatchPrices(BATCHES, [4 * each for each in BATCHES]))
    assert len(dearer.coverage) == COUNT
    assert set(dearer.coverage) <= set(curve.coverage)
    assert dearer.coverage != curve.coverage
    widths = dict(zip(curve.coverage, curve.half_width, strict=True))
    assert dearer.half_width == tuple(widths[each] for each in dearer.coverage)
    assert (dearer.stop_answer, dearer.stop_half_width, dearer.stop_coverage) == ((1.0,), (0.25,), 1.0)
