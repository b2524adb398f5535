"""What to look at where the functional is not linear, as it says itself: by rows, or by contenders.

Both are read off posterior draws (`Functional.row_worth`, `Functional.contest`), and change as rows are bought.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.flops.prices import Bill
from istar.questions import Contest, Functional, Structure
from istar.truth.effects.grid import Grid


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
    return functional.weights(structure) if functional.design == "rows" else None


def contender_rows(
    contest: Contest,
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
    wanted = np.flatnonzero(on_sale & (contest.gain > 0))
    if len(wanted) == 0:
        return np.zeros(0, dtype=np.int64)
    places = [wanted[grid.replicate[wanted] == each] for each in np.unique(grid.replicate[wanted])]
    rates = [float(contest.gain[rows].sum()) / max(bill.price(rows), 1) for rows in places]
    if contest.chosen_gain > 0:
        alone = [rows[contest.chosen[rows]] for rows in places if contest.chosen[rows].any()]
        places += alone
        rates += [contest.chosen_gain * len(rows) / max(bill.price(rows), 1) for rows in alone]
    order = np.argsort(-np.round(np.array(rates) / max(rates), 6), kind="stable")
    shuffled = [places[place][generator.permutation(len(places[place]))] for place in order]
    rows = np.concatenate([rows[np.argsort(-contest.gain[rows], kind="stable")] for rows in shuffled])
    _, first = np.unique(rows, return_index=True)
    return rows[np.sort(first)]
