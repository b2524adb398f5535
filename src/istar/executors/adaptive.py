"""What to look at where the functional is not linear: the answer made linear about the present belief.

The maximum over arms depends on the arms that may still be the best, a tail on the rows that may still lie in it. Both
are read off posterior draws, and change as rows are bought.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from istar.executors.grid import Grid
from istar.questions import BestArmMean, Functional, Structure, UpperTail

ARMS = 12
"""At most this many arms are followed as possible winners."""


def best_arm_weights(
    functional: BestArmMean, draws: Float[np.ndarray, "draws rows"], structure: Structure, grid: Grid
) -> Float[np.ndarray, "outputs arms replicates"]:
    """Return linear functionals whose summed variance is about that of the best arm's mean.

    With p the probability that an arm is chosen, the answer's variance is about the p-weighted variance of the
    measured means, plus what choosing another arm than the present favourite would change. Each of the two terms of
    each arm is one output.
    """
    arm, odd = structure.levels(functional.arm), structure.levels(functional.replicate) % 2 == 1
    count = int(arm.max()) + 1
    member = (arm[None, :] == np.arange(count)[:, None]).astype(np.float64)
    choosing = member * ~odd / np.maximum((member * ~odd).sum(1, keepdims=True), 1)
    measuring = member * odd / np.maximum((member * odd).sum(1, keepdims=True), 1)
    chosen, measured = draws @ choosing.T, draws @ measuring.T
    chance = np.bincount(chosen.argmax(1), minlength=count) / len(draws)
    favourite = int(chance.argmax())
    expected = measured.mean(0)
    outputs = []
    for candidate in np.argsort(-chance, kind="stable")[:ARMS]:
        if chance[candidate] == 0:
            break
        outputs.append(np.sqrt(chance[candidate]) * measuring[candidate])
        lead = chosen[:, candidate] - chosen[:, favourite]
        if candidate != favourite and lead.std() > 0:
            stake = abs(expected[candidate] - expected[favourite]) + 0.1 * measured[:, candidate].std()
            stake *= np.sqrt(chance[candidate] * (1 - chance[candidate])) / lead.std()
            outputs.append(stake * (choosing[candidate] - choosing[favourite]))
    return grid.spread(np.stack(outputs))


def tail_scores(functional: UpperTail, draws: Float[np.ndarray, "draws rows"]) -> Float[np.ndarray, " rows"]:
    """Return how much each row's value matters to the quantile and to the mean above it."""
    rows = draws.shape[1]
    quantile = float(np.median(functional.answer(draws, None)[:, 0]))  # type: ignore[arg-type]
    above = draws - quantile
    spread = float(draws.std())
    near = max(float((np.abs(above) < 0.25 * spread).mean()) / (0.5 * spread), 1e-6)
    crossing = (above > 0).var(0) / near**2
    beyond = np.maximum(above, 0.0).var(0) / (1 - functional.level + 1 / rows) ** 2
    return np.asarray(crossing + beyond)


def general_scores(
    functional: Functional, draws: Float[np.ndarray, "draws rows"], structure: Structure
) -> Float[np.ndarray, " rows"]:
    """Return the variance of the answer that each row's value explains linearly, for a functional of any kind."""
    answers = functional.answer(draws, structure)
    answers, centred = answers - answers.mean(0), draws - draws.mean(0)
    covariance = answers.T @ centred / len(draws)
    noise = answers.var(0)[:, None] * centred.var(0) / len(draws)
    return np.asarray(np.maximum(covariance**2 - noise, 0.0).sum(0) / np.maximum(centred.var(0), 1e-300))


def score_order(
    scores: Float[np.ndarray, " rows"],
    prices: Int[np.ndarray, " rows"],
    unbought: Int[np.ndarray, " unbought"],
    explore: float,
    generator: np.random.Generator,
) -> Int[np.ndarray, " unbought"]:
    """Return the unbought rows by score per FLOP, with a share of random rows mixed in."""
    rate = scores[unbought] / np.maximum(prices[unbought], 1)
    ranked = unbought[np.argsort(-rate, kind="stable")]
    shuffled = generator.permutation(unbought)
    key = np.concatenate(
        [np.arange(len(ranked)) / max(1 - explore, 1e-9), np.arange(len(shuffled)) / max(explore, 1e-9)]
    )
    mixed = np.concatenate([ranked, shuffled])[np.argsort(key, kind="stable")]
    _, first = np.unique(mixed, return_index=True)
    return mixed[np.sort(first)]
