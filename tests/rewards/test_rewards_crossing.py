import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import isotonic_regression

from istar.rewards.crossing import BEFORE_FIRST, EXACT, NEVER, crossings

BUDGETS = np.log(2.0) * np.linspace(-8, 0, 17)


def _by_isotonic_regression(skill, level):
    fit = isotonic_regression(skill).x
    if fit[0] >= level - 1e-12:
        return BUDGETS[0], BEFORE_FIRST
    if fit[-1] < level - 1e-12:
        return BUDGETS[-1], NEVER
    after = int(np.argmax(fit >= level - 1e-12))
    share = (level - fit[after - 1]) / (fit[after] - fit[after - 1])
    return BUDGETS[after - 1] + share * (BUDGETS[after] - BUDGETS[after - 1]), EXACT


@given(arrays(np.float64, 17, elements=st.floats(-1, 1).map(lambda x: round(x, 3))), st.sampled_from([0.5, 0.8, 0.9]))
def test_crossings_are_those_of_scipys_isotonic_regression(skill, level):
    found = crossings(skill, BUDGETS, level)
    cost, state = _by_isotonic_regression(skill, level)
    assert int(found.state) == state
    assert float(found.log_cost) == pytest.approx(cost, abs=1e-6)


def test_a_rising_curve_is_interpolated_in_log_flops():
    found = crossings(np.linspace(0, 1, 17), BUDGETS, 0.5)
    assert float(found.log_cost) == pytest.approx(np.log(2.0**-4))
    assert int(found.state) == EXACT


def test_a_lucky_first_touch_is_no_crossing():
    skill = np.array([0.9] + [0.0] * 10 + [1.0] * 6)
    assert float(crossings(skill, BUDGETS, 0.5).log_cost) > BUDGETS[10] - 1e-9


def test_a_late_dip_by_a_hair_does_not_undo_a_crossing():
    skill = np.array([0.0] * 5 + [0.95] * 10 + [0.89, 1.0])
    assert float(crossings(skill, BUDGETS, 0.9).log_cost) < BUDGETS[6]


def test_a_late_collapse_does():
    skill = np.array([0.0] * 5 + [0.95] * 4 + [0.1] * 7 + [1.0])
    assert float(crossings(skill, BUDGETS, 0.9).log_cost) > BUDGETS[14]


def test_many_curves_at_once_equal_one_at_a_time():
    skill = np.random.default_rng(0).uniform(-1, 1, (5, 3, 17))
    together = crossings(skill, BUDGETS, 0.5)
    for index in np.ndindex(5, 3):
        alone = crossings(skill[index], BUDGETS, 0.5)
        assert together.log_cost[index] == alone.log_cost
        assert together.state[index] == alone.state


@pytest.mark.parametrize(("skill", "state"), [(0.6, BEFORE_FIRST), (0.4, NEVER)])
def test_a_curve_of_one_point_is_reached_at_once_or_never(skill, state):
    found = crossings(np.array([skill]), np.array([-1.0]), 0.5)
    assert (float(found.log_cost), int(found.state)) == (-1.0, state)
