r"""The exact M' of least divergence and entropy at equal reward, for one prompt whose outputs can be listed.

M gives outputs y the probabilities p(y), and M' gives them q(y). Both have the same expected reward, E_q r = E_p r.

- `forward`, the document's: KL(M || M') + beta H(M') = sum p log(p / q) - beta sum q log q. A stationary point has
  p/q + beta log q = kappa - lambda r for each y. With u = p/q and v = log u this is exp(v) - beta v = s, solved by
  Newton's method. The summand of y is convex where q <= p / beta; that branch is taken. For beta <= 0 it is everywhere.
- `reverse`: KL(M' || M) + beta H(M'), convex for beta < 1, with an exponential tilt as its minimum,
  q ~ (p exp(lambda r))^{1/(1-beta)}; beta < 0 is maximum-entropy reinforcement learning.

The number lambda that gives equal reward is found by bracketing: in the convex region E_q r rises in it. A minimum of
the forward sum is certified as global where it minimises the Lagrangian summand by summand over all of [0, 1] (weak
duality).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import entr, logsumexp, rel_entr

from istar.uses.errors import UseError

Direction = Literal["forward", "reverse"]
NEWTON_STEPS = 80
DOUBLINGS = 80
LEAST_LOG_RATIO = -300.0
"""Of p to q; what is below belongs to no distribution, and its exponential is still a number."""
NEGLIGIBLE = 1e-9
"""A weight of the entropy that changes no probability by more than that; logarithms over it would be too large."""

Outputs = Float[np.ndarray, " outputs"]


class PolicyError(UseError):
    """No M' of the kind asked for."""


@dataclass(frozen=True)
class Policy:
    """One M' on one prompt.

    Attributes:
        probabilities: q(y).
        tilt: lambda, the price of reward in nats per unit of it.
        certified: whether it is shown to be the global minimum.
    """

    probabilities: Outputs
    tilt: float
    certified: bool


def objective(p: Outputs, q: Outputs, beta: float, direction: Direction) -> float:
    """Return divergence plus beta times entropy, in nats; see the module."""
    divergence = rel_entr(p, q) if direction == "forward" else rel_entr(q, p)
    return float(divergence.sum() + beta * entr(q).sum())


def best_policy(p: Outputs, reward: Outputs, beta: float, direction: Direction = "forward") -> Policy:
    """Return the M' of least divergence and entropy whose expected reward is that of M.

    Args:
        p: probabilities of the outputs under M, all above 0, which add up to 1.
        reward: r(y), in any unit.
        beta: weight of the entropy, below 1; negative to prefer entropy.
        direction: which divergence.

    Raises:
        PolicyError: beta is 1 or more, the numbers are none of a distribution, or the convex region has no stationary
            point: beta is too large for this distribution.
    """
    check_beta(beta)
    if len(p) < 2 or not (p > 0).all() or not np.isclose(p.sum(), 1) or not np.isfinite(reward).all():
        raise PolicyError(
            "M needs two outputs at least, with probabilities above 0 that add up to 1, and finite rewards"
        )
    centred = reward - p @ reward
    scale = float(np.sqrt(p @ centred**2))
    rewards = centred / scale if scale > 0 else np.zeros_like(centred)
    made = _forward if direction == "forward" else _reverse

    def excess(tilt: float) -> float:
        return float(made(p, rewards, beta, tilt) @ rewards)

    tilt = _root(excess) if scale > 0 else 0.0
    q = made(p, rewards, beta, tilt)
    certified = direction == "reverse" or beta <= 0 or _certified(p, q, beta)
    return Policy(q, tilt / scale if scale > 0 else 0.0, certified)


def check_beta(beta: float) -> None:
    """Check the weight of the entropy.

    Raises:
        PolicyError: there is no M' of such a weight.
    """
    if not beta < 1 or not np.isfinite(beta):
        raise PolicyError(
            f"beta is {beta}; from 1 on the least sum is a model that says one thing, so give less than 1"
        )


def _root(excess: Callable[[float], float]) -> float:
    """Return where a rising function is 0, beginning at 0."""
    at, value, step = 0.0, excess(0.0), 1e-3
    if abs(value) < 1e-14:
        return 0.0
    direction = -np.sign(value)
    for _ in range(DOUBLINGS):
        further = at + direction * step
        beyond = excess(further)
        if beyond * value <= 0:
            return float(brentq(excess, *sorted((at, further)), xtol=1e-14, rtol=1e-14))
        at, value, step = further, beyond, 2 * step
    raise PolicyError("no M' on these outputs has M's reward; the rewards of all likely outputs are nearly equal")


def _reverse(p: Outputs, reward: Outputs, beta: float, tilt: float) -> Outputs:
    logits = (np.log(p) + tilt * reward) / (1 - beta)
    q: Outputs = np.exp(logits - logsumexp(logits))
    return q


def _forward(p: Outputs, reward: Outputs, beta: float, tilt: float) -> Outputs:
    """Return the stationary q of a given tilt: kappa is where the probabilities add up to 1."""
    beta = beta if abs(beta) > NEGLIGIBLE else 0.0
    offset = -beta * np.log(p) - tilt * reward

    def probabilities(kappa: float) -> Outputs:
        found: Outputs = p / np.exp(np.maximum(_log_ratio(kappa + offset, beta), LEAST_LOG_RATIO))
        return found

    # the least kappa of the convex branch, there u = beta; for beta of 0 it bounds u > 0
    floor = beta - beta * np.log(beta) if beta > 0 else 0.0
    low = float((floor - offset).max()) if beta >= 0 else float((-offset).min()) - 1.0
    if beta > 0 and probabilities(low).sum() < 1:
        raise PolicyError(
            f"beta {beta:g} is too large here: M' would leave the region in which the sum is convex (no q above p / "
            "beta); lower beta"
        )
    step = 1.0
    while beta < 0 and probabilities(low).sum() < 1:
        low, step = low - step, 2 * step
    if beta == 0:
        low += 1e-12 * max(1.0, abs(low))
    high, step = low + 1.0, 1.0
    while probabilities(high).sum() > 1:
        high, step = high + step, 2 * step
    kappa = brentq(lambda each: probabilities(each).sum() - 1, low, high, xtol=1e-14, rtol=1e-14)
    q = probabilities(float(kappa))
    q /= q.sum()
    return q


def _log_ratio(s: Outputs, beta: float) -> Outputs:
    """Return the larger v with exp(v) - beta v = s, by Newton's method from above, where the function is convex."""
    if beta == 0:
        found: Outputs = np.log(np.maximum(s, np.finfo(float).tiny))
        return found
    v: Outputs = np.log(np.maximum(np.maximum(2 * s, 2 * beta), 1.0))
    for _ in range(NEWTON_STEPS):
        slope = np.exp(v) - beta
        step = np.where(slope > 0, (np.exp(v) - beta * v - s) / np.where(slope > 0, slope, 1.0), 0.0)
        v = v - np.maximum(step, 0.0)
        if np.max(step) < 1e-15:
            break
    return v


def _certified(p: Outputs, q: Outputs, beta: float) -> bool:
    """Return whether no summand of the Lagrangian is smaller at q = 1, the only other place where it can be least."""
    price = -p / q - beta * np.log(q) - beta
    here = -p * np.log(q) - beta * q * np.log(q) - price * q
    return bool((here <= -price + 1e-9).all())
