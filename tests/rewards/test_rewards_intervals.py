"""How far an executor's own intervals may be believed: over budgets, and where it stopped."""

from dataclasses import replace

import pytest
from reward_curves import CHECKPOINTS, make_curve

from istar.reports import words
from istar.rewards.intervals import Intervals, intervals

COUNT = len(CHECKPOINTS)
CURVE = make_curve(0.5)
NONE = Intervals(None, None, None)


def stated(coverage=(1.0,) * COUNT, first=4.0, stop=(1.0,), stop_coverage=1.0, **changes):
    return replace(
        CURVE,
        coverage=coverage,
        half_width=(first,) * COUNT,
        stop_answer=(0.0,) * len(stop),
        stop_half_width=stop,
        stop_coverage=stop_coverage,
        **changes,
    )


def test_coverage_is_over_budgets_short_of_brute_force_and_then_over_answers():
    some = stated((1.0, 0.5, *[None] * (COUNT - 3), 0.0))
    assert intervals([some], []).coverage == 0.75
    assert intervals([some, stated(seed=1)], []).coverage == 0.875


def test_curves_without_intervals_are_left_out():
    assert intervals([CURVE], [CURVE]) == NONE
    assert intervals([replace(CURVE, coverage=(None,) * COUNT)], []).coverage is None
    assert intervals([CURVE, stated((0.5,) * COUNT)], []).coverage == 0.5


def test_where_it_stopped_they_are_as_wide_as_a_share_of_the_first_without_a_method():
    """Of the same question and seed: questions have different units."""
    black = [stated(first=4.0, stop=(2.0, 1.0)), stated(first=10.0, stop=(None, 5.0), question_hash="q1")]
    white = [
        stated(first=1.0, stop=(1.0, 1.0), stop_coverage=0.5, arm="white_box"),
        stated(first=1.0, stop=(None, 1.0), question_hash="q1", arm="white_box"),
    ]
    assert intervals(black, black).stop_width == pytest.approx((1.5 / 4 + 0.5) / 2)
    assert intervals(white, black) == Intervals(1.0, 0.75, pytest.approx((0.25 + 0.1) / 2))
    assert intervals(white, [CURVE]).stop_width is None
    assert intervals([stated(stop=(None,))], black).stop_width is None


def test_they_are_told_in_words_as_far_as_they_are_known():
    assert words.intervals(NONE, NONE) == []
    held, stop = words.intervals(Intervals(0.951, 0.9, 0.2), Intervals(0.94, 1.0, 0.333))
    assert held == "the executor's 95% intervals held the truth in 95.1% of cases with the method and in 94.0% without"
    assert stop == (
        "where it stopped, 90.0% held it with the method and 100.0% without, and they were 20% and 33% as wide as the "
        "first without"
    )
    assert words.intervals(Intervals(0.951, 0.9, None), Intervals(0.94, 1.0, 0.333))[1] == stop.partition(", and")[0]
    assert len(words.intervals(Intervals(0.951, None, None), Intervals(0.94, None, None))) == 1
