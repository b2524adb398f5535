"""Buying designs: which rows to buy next.

`greedy_rows` buys the bundle of cells that most reduces the variance of the answer per FLOP, again and again. For a
linear functional that variance does not depend on the values, so the purchase plan of a question can be made once.
`paired_order` buys random arms with their partners over the same replicates, which cancels what is peculiar to a
replicate; `random_order` is the control.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.statistician.design.bundles import BundlePrices, Candidates, draw_candidates, partner_arms
from istar.executors.statistician.settings import RENEWED, TINY
from istar.executors.statistician.table_model.posterior import Posterior
from istar.flops.prices import PriceSheet
from istar.truth.effects.grid import Grid


def arm_weight(weights: Float[np.ndarray, "outputs arms replicates"]) -> Float[np.ndarray, " arms"]:
    """Return how heavily each arm enters the answer."""
    weight: Float[np.ndarray, " arms"] = np.sqrt((weights.sum(2) ** 2).sum(0))
    return weight


class _Belief:
    """The joint belief about the candidates and the answer, while candidates are being chosen."""

    def __init__(
        self, posterior: Posterior, weights: Float[np.ndarray, "outputs arms replicates"], candidates: Candidates
    ) -> None:
        self.arithmetic = posterior.process.arithmetic
        answer = posterior.linear(weights)
        lifts = posterior.lifts(candidates.arms, candidates.replicates)
        self.cells = posterior.covariance(candidates.arms, candidates.replicates)
        self.answer = answer.loading @ lifts.T + answer.own_cross[:, candidates.arms, candidates.replicates]
        self.floor = TINY * float(np.diag(self.cells).max())

    def gains(self, bundle: Int[np.ndarray, "bundles size"]) -> Float[np.ndarray, " bundles"]:
        """Return by how much buying each bundle reduces the summed variance of the answer's outputs."""
        size = bundle.shape[1]
        self.arithmetic.elementwise(2 * len(self.answer) * bundle.size)
        if size == 1:
            gains = (self.answer[:, bundle[:, 0]] ** 2).sum(0) / (np.diag(self.cells)[bundle[:, 0]] + self.floor)
            return np.asarray(gains)
        blocks = self.cells[bundle[:, :, None], bundle[:, None, :]] + self.floor * np.eye(size)
        sides = np.moveaxis(self.answer[:, bundle], 0, 2)
        self.arithmetic.flops += len(bundle) * (size**3 // 3 * 2 + 2 * size * size * len(self.answer)) * 2
        return np.asarray((sides * np.linalg.solve(blocks, sides)).sum((1, 2)))

    def buy(self, cells: Int[np.ndarray, " cells"]) -> None:
        """Condition on the values of candidates."""
        block = self.cells[np.ix_(cells, cells)] + self.floor * np.eye(len(cells))
        solved = np.linalg.solve(block, self.cells[cells])
        self.answer = self.answer - self.answer[:, cells] @ solved
        self.cells = self.cells - self.cells[:, cells] @ solved
        self.arithmetic.matmul(len(self.cells) + len(self.answer), len(cells), len(self.cells))


def greedy_rows(
    posterior: Posterior,
    weights: Float[np.ndarray, "outputs arms replicates"],
    sheet: PriceSheet,
    bought: Bool[np.ndarray, " rows"],
    closed: Bool[np.ndarray, " rows"],
    allowance: int,
    generator: np.random.Generator,
) -> tuple[Int[np.ndarray, " chosen"], float]:
    """Return rows to buy within an allowance, by greatest reduction of the answer's variance per FLOP.

    Args:
        posterior: what is known.
        weights: the (linearised) functional.
        sheet: the prices.
        bought: rows bought so far.
        closed: rows that may not be chosen; contains those bought.
        allowance: FLOPs that may be spent.
        generator: draws the candidates.

    Returns:
        The rows in the order of choice, and the reduction of the answer's summed variance expected, at scale 1.
    """
    grid = posterior.process.grid
    unbought = grid.present & ~posterior.observed & grid.spread(~closed)
    if not unbought.any():
        return np.zeros(0, dtype=np.int64), 0.0
    candidates = draw_candidates(grid, unbought, partner_arms(weights), arm_weight(weights), generator)
    posterior.process.arithmetic.matmul(grid.arms, len(weights), grid.arms)
    belief = _Belief(posterior, weights, candidates)
    prices = BundlePrices(sheet, bought, candidates)
    chosen = np.zeros(len(candidates.rows), dtype=bool)
    order: list[Int[np.ndarray, " some"]] = []
    everything = bool(unbought.sum() == len(candidates.rows))
    limit = len(chosen) if everything else max(1, int(RENEWED * len(chosen)))
    spent, gained = 0.0, 0.0
    while chosen.sum() < limit:
        best = _best_bundle(candidates, belief, prices.now(), allowance - spent)
        if best is None:
            break
        cells, gain, price = best
        cells = cells[~chosen[cells]]
        spent += price
        gained += gain
        chosen[cells] = True
        order.append(cells)
        belief.buy(cells)
        prices.buy(cells)
    if not order:
        return np.zeros(0, dtype=np.int64), 0.0
    return candidates.rows[np.concatenate(order)], gained


def _best_bundle(
    candidates: Candidates, belief: _Belief, prices: list[Float[np.ndarray, " bundles"]], allowance: float
) -> tuple[Int[np.ndarray, " size"], float, float] | None:
    """Return the bundle with the best gain per FLOP that is affordable, its gain and its price."""
    best, best_rate = None, -1.0
    for bundle, price in zip(candidates.bundles, prices, strict=True):
        open_ = np.flatnonzero((price > 0) & (price <= allowance))
        if len(open_) == 0:
            continue
        rate = belief.gains(bundle[open_]) / price[open_]
        pick = int(rate.argmax())
        if rate[pick] > best_rate:
            best_rate, cost = float(rate[pick]), float(price[open_[pick]])
            best = (bundle[open_[pick]], best_rate * cost, cost)
    return best


def prices_along(
    sheet: PriceSheet, bought: Bool[np.ndarray, " rows"], order: Int[np.ndarray, " wanted"]
) -> Int[np.ndarray, " wanted"]:
    """Return what each row of an order costs when it is bought after those before it."""
    pointers, indices = sheet.row_segments.indptr.astype(np.int64), sheet.row_segments.indices
    sizes = np.diff(pointers)
    paid = np.zeros(len(sheet.segment_flops), dtype=bool)
    paid[indices[np.repeat(bought, sizes)]] = True
    ends = np.cumsum(sizes[order])
    inside = np.arange(ends[-1] if len(ends) else 0) + np.repeat(pointers[order] - ends + sizes[order], sizes[order])
    needed, place = indices[inside], np.repeat(np.arange(len(order)), sizes[order])
    # a segment is paid for by the first row of the order that needs it
    first = np.full(len(paid), -1)
    first[needed[::-1]] = place[::-1]
    fresh = np.flatnonzero((first >= 0) & ~paid)
    price: Int[np.ndarray, " wanted"] = sheet.row_reads_flops[order].astype(np.int64)
    np.add.at(price, first[fresh], sheet.segment_flops[fresh])
    return price


def affordable_prefix(
    sheet: PriceSheet, bought: Bool[np.ndarray, " rows"], order: Int[np.ndarray, " wanted"], allowance: int
) -> Int[np.ndarray, " affordable"]:
    """Return the longest prefix of an order of rows whose price is within the allowance."""
    spent = np.cumsum(prices_along(sheet, bought, order))
    return order[: int(np.searchsorted(spent, allowance, side="right"))]


def paired_order(
    grid: Grid,
    unbought: Bool[np.ndarray, "arms replicates"],
    weights: Float[np.ndarray, "outputs arms replicates"],
    chunk: int,
    generator: np.random.Generator,
) -> Int[np.ndarray, " unbought"]:
    """Return all unbought rows, arms with their partners over the same chunk of replicates, in random order.

    Arms come early in proportion to how heavily they enter the answer; chunks of replicates take turns, so that all
    replicates are used about equally often.
    """
    partner = partner_arms(weights)
    weight = arm_weight(weights)
    noise = generator.exponential(size=grid.arms)
    order = np.argsort(noise / np.maximum(weight, TINY * max(float(weight.max()), TINY)), kind="stable")
    replicates = generator.permutation(grid.replicates)
    chunks = [replicates[start : start + chunk] for start in range(0, grid.replicates, chunk)]
    rows: list[Int[np.ndarray, " some"]] = []
    for turn in range(len(chunks)):
        for place, arm in enumerate(order):
            part = chunks[(place + turn) % len(chunks)]
            rows.append(grid.row[arm, part])
            rows.append(grid.row[partner[arm], part])
    flat = np.concatenate(rows)
    flat = flat[flat >= 0]
    flat = flat[grid.gather(unbought)[flat]]
    _, first = np.unique(flat, return_index=True)
    order_of_rows: Int[np.ndarray, " unbought"] = flat[np.sort(first)]
    return order_of_rows


def random_order(unbought: Bool[np.ndarray, " rows"], generator: np.random.Generator) -> Int[np.ndarray, " unbought"]:
    """Return all unbought rows in random order."""
    return generator.permutation(np.flatnonzero(unbought))
