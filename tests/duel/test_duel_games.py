"""Equilibria against closed forms and brute force; exploitability by its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istar.duel.games import GameError, equilibrium, exploitability

PENNIES = np.array([[1.0, -1.0], [-1.0, 1.0]])
ROCK = np.array([[0.0, 1.0, -1.0], [-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]])


@st.composite
def games(draw):
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    numbers = st.floats(-2, 2, allow_nan=False, width=32)
    return np.array(draw(st.lists(st.lists(numbers, min_size=columns, max_size=columns), min_size=rows, max_size=rows)))


@pytest.mark.parametrize(
    ("paid", "value"), [(PENNIES, 0.0), (ROCK, 0.0), (ROCK + 0.25, 0.25), (np.array([[0.3]]), 0.3)]
)
def test_equilibria_that_are_known(paid, value):
    found = equilibrium(paid)
    assert found.value == pytest.approx(value, abs=1e-9)
    assert np.allclose(found.red, 1 / len(paid))
    assert np.allclose(found.blue, 1 / len(paid))


def test_a_mixed_game_of_two_by_two_has_the_closed_form():
    paid = np.array([[0.7, -0.2], [0.1, 0.4]])
    (a, b), (c, d) = paid
    denominator = a - b - c + d
    found = equilibrium(paid)
    assert found.value == pytest.approx((a * d - b * c) / denominator)
    assert found.blue[0] == pytest.approx((d - b) / denominator)
    assert found.red[0] == pytest.approx((d - c) / denominator)


@given(games())
def test_no_player_gains_by_leaving_an_equilibrium(paid):
    found = equilibrium(paid)
    assert exploitability(paid, found.red, found.blue) == pytest.approx(0.0, abs=1e-6)
    assert found.red @ paid @ found.blue == pytest.approx(found.value, abs=1e-6)


@given(games(), st.integers(0, 2**32 - 1))
def test_exploitability_is_what_best_responses_gain_and_never_negative(paid, seed):
    generator = np.random.default_rng(seed)
    red, blue = (generator.dirichlet(np.ones(size)) for size in paid.shape)
    best_method = max(sum(red[i] * paid[i, j] for i in range(len(red))) for j in range(len(blue)))
    best_move = min(sum(paid[i, j] * blue[j] for j in range(len(blue))) for i in range(len(red)))
    assert exploitability(paid, red, blue) == pytest.approx(best_method - best_move)
    assert exploitability(paid, red, blue) >= -1e-12


@pytest.mark.parametrize("paid", [np.zeros((0, 2)), np.zeros((2, 0)), np.array([[np.nan]])])
def test_what_is_no_game_is_refused(paid):
    with pytest.raises(GameError, match="needs moves, methods and finite payments"):
        equilibrium(paid)
