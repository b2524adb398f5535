"""The exact M' against a general optimiser from many starts, and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import entr, rel_entr

from istar.uses.policies import PolicyError, best_policy, objective


def drawn(seed, outputs=5, spread=1.0):
    generator = np.random.default_rng(seed)
    p = generator.dirichlet(np.full(outputs, spread)) + 1e-9
    return p / p.sum(), generator.normal(size=outputs)


def searched(p, reward, beta, direction, starts=30):
    """The least sum that sequential quadratic programming finds."""
    constraints = [
        {"type": "eq", "fun": lambda q: q.sum() - 1},
        {"type": "eq", "fun": lambda q: (q - p) @ reward},
    ]
    best, generator = np.inf, np.random.default_rng(0)
    for _ in range(starts):
        found = minimize(
            lambda q: objective(p, np.clip(q, 1e-12, None), beta, direction),
            generator.dirichlet(np.ones(len(p))),
            method="SLSQP",
            bounds=[(1e-9, 1)] * len(p),
            constraints=constraints,
            options={"maxiter": 500, "ftol": 1e-13},
        )
        best = min(best, found.fun if found.success else np.inf)
    return best


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize("beta", [-0.5, 0.0, 0.1, 0.3])
def test_no_optimiser_finds_less(direction, beta):
    for seed in range(3):
        p, reward = drawn(seed)
        policy = best_policy(p, reward, beta, direction)
        mine = objective(p, policy.probabilities, beta, direction)
        assert mine == pytest.approx(searched(p, reward, beta, direction), abs=1e-7)
        assert policy.certified


@given(
    st.integers(0, 10**6),
    st.sampled_from(["forward", "reverse"]),
    st.floats(-2, 0.1),
    st.floats(-3, 3),
    st.sampled_from([0.3, 1.0, 10.0]),
)
def test_it_is_a_distribution_of_equal_reward_and_no_worse_than_the_model(seed, direction, beta, decades, spread):
    p, reward = drawn(seed, 20, spread)
    reward *= 10.0**decades
    q = best_policy(p, reward, beta, direction).probabilities
    assert (q > 0).all()
    assert q.sum() == pytest.approx(1)
    assert q @ reward == pytest.approx(p @ reward, abs=1e-6 * np.abs(reward).max())
    assert objective(p, q, beta, direction) <= objective(p, p, beta, direction) + 1e-9


def test_the_sum_is_the_document_s():
    p, _ = drawn(1)
    q, _ = drawn(2)
    assert objective(p, q, 0.2, "forward") == pytest.approx(rel_entr(p, q).sum() + 0.2 * entr(q).sum())
    assert objective(p, q, 0.2, "reverse") == pytest.approx(rel_entr(q, p).sum() + 0.2 * entr(q).sum())


def test_without_a_weight_nothing_changes_and_with_one_entropy_follows_its_sign():
    p, reward = drawn(4, 12)
    entropies = {}
    for beta in (-0.3, 0.0, 0.1):
        q = best_policy(p, reward, beta).probabilities
        entropies[beta] = entr(q).sum()
        if beta == 0:
            np.testing.assert_allclose(q, p, atol=1e-9)
    assert entropies[-0.3] > entropies[0.0] > entropies[0.1]


def test_the_reverse_minimum_is_an_exponential_tilt():
    p, reward = drawn(5, 8)
    policy = best_policy(p, reward, 0.2, "reverse")
    tilt = (1 - 0.2) * np.log(policy.probabilities) - np.log(p) - policy.tilt * reward
    np.testing.assert_allclose(tilt, tilt[0], atol=1e-8)


def test_rewards_that_are_all_equal_ask_nothing():
    p, _ = drawn(6)
    q = best_policy(p, np.full(5, 3.0), 0.2, "reverse").probabilities
    np.testing.assert_allclose(q, p ** (1 / 0.8) / (p ** (1 / 0.8)).sum(), atol=1e-12)


def test_what_has_no_solution_says_so():
    p, reward = drawn(7)
    with pytest.raises(PolicyError, match=r"beta is 1\.0; from 1 on the least sum is a model that says one thing"):
        best_policy(p, reward, 1.0)
    with pytest.raises(PolicyError, match="beta is nan"):
        best_policy(p, reward, float("nan"))
    flat = np.array([0.3, *[0.1] * 7])
    with pytest.raises(PolicyError, match=r"beta 0\.9 is too large here.*lower beta"):
        best_policy(flat, np.zeros(8), 0.9)
    with pytest.raises(PolicyError, match="add up to 1"):
        best_policy(np.array([0.5, 0.4]), np.zeros(2), 0.1)
    with pytest.raises(PolicyError, match="finite rewards"):
        best_policy(p, np.full(5, np.inf), 0.1)
