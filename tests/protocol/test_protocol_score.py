"""What a score says beyond multipliers."""

from dataclasses import replace

from fake_arms import curve, table

from istar.protocol.scoring import coverage

CURVE = curve(table("family/a", 0), 0, "black_box", 0.0)


def test_coverage_is_over_budgets_short_of_brute_force_and_then_over_answers():
    some = replace(CURVE, coverage=(1.0, 0.5, None, *[None] * 5, 0.0))
    all_held = replace(CURVE, coverage=(1.0,) * 9)
    assert coverage([some]) == 0.75
    assert coverage([some, all_held]) == 0.875


def test_curves_without_intervals_are_left_out():
    assert coverage([CURVE]) is None
    assert coverage([replace(CURVE, coverage=(None,) * 9)]) is None
    assert coverage([CURVE, replace(CURVE, coverage=(0.5,) * 9)]) == 0.5
