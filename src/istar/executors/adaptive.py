"""What to look at where the functional is not linear: the answer made linear about the present belief.

The maximum over arms depends on the arms that may still be the best, a tail on the rows that may still lie in it. Both
are read off posterior draws, and change as rows are bought.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtr

from istar.executors.grid import Grid
from istar.flops.prices import Bill
from istar.questions import ArmChoice, BestArmMean, Functional, Structure, UpperTail

ARMS = 12
"""At most this many arms are followed as possible winners."""

CONTENDING = 0.1
"""An arm contends while looking at it promises at least this share of what the most promising one does."""


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


def design_weights(functional: Functional, structure: Structure) -> Float[np.ndarray, "outputs rows"] | None:
    """Return the linear functionals by whose variance purchases can be planned, or None where they cannot.

    A choice among arms is linear in the values, but what to look at depends on which arms still contend.
    """
    return None if isinstance(functional, ArmChoice) else functional.weights(structure)


def promise(
    functional: ArmChoice, scores: Float[np.ndarray, "draws outputs"]
) -> tuple[Float[np.ndarray, " outputs"], Bool[np.ndarray, " outputs"]]:
    """Return what exact knowledge of each output promises to take off the loss, and which outputs to look at.

    For the regret that is the expected improvement over the best of the others, or, for the best one, the second best's
    over it (P. Frazier, W. Powell and S. Dayanik, The knowledge-gradient policy, 2009), by what is open of their
    difference: a level that all arms share decides nothing. For the curve it is the output's standard deviation. Worth
    a look are those that may still be chosen.

    Args:
        functional: the choice.
        scores: draws of all outputs.
    """
    merit = -scores if functional.lowest else scores
    mean, spread = merit.mean(0), np.maximum(merit.std(0), 1e-300)
    if len(mean) == 1:
        return spread, np.ones(1, dtype=bool)
    best, second = np.argsort(-mean, kind="stable")[:2]
    rival = np.full(len(mean), best)
    rival[best] = second
    open_ = np.maximum((merit - merit[:, rival]).std(0), 1e-300)
    gap = np.maximum(-np.abs(mean - mean[rival]) / open_, -30.0)
    gain = open_ * (np.exp(-(gap**2) / 2) / np.sqrt(2 * np.pi) + gap * ndtr(gap))
    gain += functional.curve * spread / len(mean)
    contends = gain >= CONTENDING * gain.max()
    contends[best] = True
    return gain, contends


def contender_rows(
    functional: ArmChoice,
    draws: Float[np.ndarray, "draws rows"],
    structure: Structure,
    grid: Grid,
    on_sale: Bool[np.ndarray, " rows"],
    bill: Bill,
    generator: np.random.Generator,
) -> Int[np.ndarray, " chosen"]:
    """Return rows of the arms that may still be chosen, the most promising for their price first.

    Arms are compared within replicates, and rows of a replicate may share a prefix; so a replicate is offered whole,
    the rows of all contenders together. As the field is narrowed between purchases, this is sequential halving with a
    model (Karnin, Koren and Somekh, Almost optimal exploration in multi-armed bandits, 2013). How good the chosen arm
    is takes no comparison, but as many replicates as can be had: for that, its row in each is offered alone too.
    """
    weights = functional.weights(structure)
    scores = draws @ weights.T
    gain, contends = promise(functional, scores)
    matters = np.abs(weights) > 0
    if functional.reference:
        gain, contends = np.append(gain, gain.max()), np.append(contends, True)  # every comparison needs the reference
        matters = np.concatenate([matters & (structure.levels(functional.arm) > 0), matters.all(0)[None, :]])
    row_gain = (matters[contends] * gain[contends][:, None]).max(0)
    wanted = np.flatnonzero(on_sale & (row_gain > 0))
    if len(wanted) == 0:
        return np.zeros(0, dtype=np.int64)
    places = [wanted[grid.replicate[wanted] == each] for each in np.unique(grid.replicate[wanted])]
    rates = [float(row_gain[rows].sum()) / max(bill.price(rows), 1) for rows in places]
    if functional.value > 0:
        value = functional.value * float(scores[:, _chosen(functional, scores)].std())
        measured = matters[_chosen(functional, scores)]
        alone = [rows[measured[rows]] for rows in places if measured[rows].any()]
        places += alone
        rates += [value * len(rows) / max(bill.price(rows), 1) for rows in alone]
    order = np.argsort(-np.round(np.array(rates) / max(rates), 6), kind="stable")
    shuffled = [places[place][generator.permutation(len(places[place]))] for place in order]
    rows = np.concatenate([rows[np.argsort(-row_gain[rows], kind="stable")] for rows in shuffled])
    _, first = np.unique(rows, return_index=True)
    return rows[np.sort(first)]


def _chosen(functional: ArmChoice, scores: Float[np.ndarray, "draws outputs"]) -> int:
    """Return the output that would be chosen now."""
    mean = scores.mean(0)
    return int((-mean if functional.lowest else mean).argmax())
