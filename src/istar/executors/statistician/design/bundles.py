"""Bundles: the sets of cells that are considered for purchase together, and what each would cost now.

A single cell tells little while its replicate's level is unknown, and the first cell of an arm pays for the arm's
whole prefix. So a cell is also offered together with the same replicate's cell of the partner arm, the one that enters
the answer with the opposite sign, and arms are offered over several replicates at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix, hstack, identity

from istar.executors.statistician.settings import CANDIDATES
from istar.flops.prices import PriceSheet
from istar.truth.effects.grid import Grid


def partner_arms(weights: Float[np.ndarray, "outputs arms replicates"]) -> Int[np.ndarray, " arms"]:
    """Return for each arm the one that enters the answer most oppositely: a coalition's complement, the full run."""
    total = weights.sum(2)
    products = total.T @ total
    np.fill_diagonal(products, np.inf)
    partner: Int[np.ndarray, " arms"] = products.argmin(1)
    return partner


@dataclass(frozen=True)
class Candidates:
    """Cells that may be bought now.

    Attributes:
        arms: arm of each candidate.
        replicates: replicate of each candidate.
        rows: row of each candidate.
        bundles: index sets into the candidates, grouped by size: arrays of shape (bundles, size).
    """

    arms: Int[np.ndarray, " cells"]
    replicates: Int[np.ndarray, " cells"]
    rows: Int[np.ndarray, " cells"]
    bundles: tuple[Int[np.ndarray, "bundles size"], ...]


def draw_candidates(
    grid: Grid,
    unbought: Bool[np.ndarray, "arms replicates"],
    partner: Int[np.ndarray, " arms"],
    weight: Float[np.ndarray, " arms"],
    generator: np.random.Generator,
    limit: int = CANDIDATES,
) -> Candidates:
    """Draw candidate cells as a sub-grid of arms with their partners by replicates, and bundle them.

    Args:
        grid: the question's grid.
        unbought: cells that exist and have not been bought.
        partner: each arm's partner.
        weight: how heavily each arm enters the answer; heavy arms are drawn more often.
        generator: decides which arms and replicates are drawn.
        limit: about how many cells to draw.
    """
    open_replicates = np.flatnonzero(unbought.any(0))
    replicates = generator.permutation(open_replicates)[:limit]
    if len(replicates) > 32 and unbought.sum() > limit:
        replicates = replicates[:32]
    race = generator.exponential(size=grid.arms) / np.maximum(weight, 1e-3 * float(weight.max()) + 1e-300)
    order = np.argsort(race, kind="stable")
    order = order[unbought[np.ix_(order, replicates)].any(1)]
    touched = (~unbought & grid.present).any(1)
    # half of the arms are ones whose prefix is paid for, as far as there are such arms
    order = _alternate(order[touched[order]], order[~touched[order]])
    with_partners = np.stack([order, partner[order]], axis=1).reshape(-1)
    _, first = np.unique(with_partners, return_index=True)
    arms = with_partners[np.sort(first)][: max(2, limit // max(1, len(replicates)))]
    block = unbought[np.ix_(arms, replicates)]
    index = np.full(block.shape, -1)
    index[block] = np.arange(block.sum())
    arm_place, replicate_place = np.nonzero(block)
    place_of = np.full(grid.arms, -1)
    place_of[arms] = np.arange(len(arms))
    bundles: list[Int[np.ndarray, "bundles size"]] = [np.arange(len(arm_place))[:, None]]
    pairs, strips = [], []
    for place, arm in enumerate(arms):
        mate = place_of[partner[arm]]
        mine = index[place]
        shared = np.flatnonzero((mine >= 0) & (index[mate] >= 0)) if mate >= 0 else np.zeros(0, dtype=np.int64)
        if mate >= 0:
            pairs += [(mine[r], index[mate, r]) for r in shared]
        for share in (1, 3):
            both = np.concatenate([mine[shared], index[mate, shared]]) if mate >= 0 else np.zeros(0, dtype=np.int64)
            for cells in (mine[mine >= 0], both):
                width = 2 if cells is both else 1
                count = -(-len(cells) // width // share)
                if count > 1:
                    strips.append(tuple(cells.reshape(width, -1)[:, :count].reshape(-1).tolist()))
    if pairs:
        bundles.append(np.array(sorted({(min(pair), max(pair)) for pair in pairs})))
    distinct = sorted(set(strips), key=lambda cells: (len(cells), cells))
    sizes = sorted({len(cells) for cells in distinct})
    bundles.extend(np.array([cells for cells in distinct if len(cells) == size]) for size in sizes)
    rows = grid.row[arms[arm_place], replicates[replicate_place]]
    return Candidates(arms[arm_place], replicates[replicate_place], rows, tuple(bundles))


def _alternate(first: Int[np.ndarray, " a"], second: Int[np.ndarray, " b"]) -> Int[np.ndarray, " c"]:
    shared = min(len(first), len(second))
    mixed = np.stack([first[:shared], second[:shared]], axis=1).reshape(-1)
    return np.concatenate([mixed, first[shared:], second[shared:]])


class BundlePrices:
    """The price of every bundle while bundles are being chosen one after another.

    Args:
        sheet: the question's prices.
        bought: rows bought so far.
        candidates: the candidate cells and their bundles.
    """

    def __init__(self, sheet: PriceSheet, bought: Bool[np.ndarray, " rows"], candidates: Candidates) -> None:
        """See the class docstring."""
        needs = sheet.row_segments[candidates.rows].astype(np.int64)
        used = np.unique(needs.indices)
        owned = np.asarray(sheet.row_segments[np.flatnonzero(bought)].astype(np.int64).sum(0)).reshape(-1)[used] > 0
        count = len(candidates.rows)
        reads = sheet.row_reads_flops[candidates.rows]
        self._elements = hstack([needs[:, used], identity(count, dtype=np.int64)]).tocsr()
        self._left = np.concatenate([np.where(owned, 0, sheet.segment_flops[used]), reads]).astype(np.float64)
        sizes = np.concatenate([np.full(len(bundle), bundle.shape[1]) for bundle in candidates.bundles])
        members = np.concatenate([bundle.reshape(-1) for bundle in candidates.bundles])
        pointers = np.concatenate([[0], np.cumsum(sizes)])
        member = csr_matrix((np.ones(len(members), dtype=np.int64), members, pointers), (len(sizes), count))
        self._cover = (member @ self._elements).astype(np.float64)
        self._cover.data[:] = 1.0
        self._ends = np.cumsum([len(bundle) for bundle in candidates.bundles])[:-1]

    def now(self) -> list[Float[np.ndarray, " bundles"]]:
        """Return the price of every bundle, group by group."""
        return np.split(self._cover @ self._left, self._ends)

    def buy(self, cells: Int[np.ndarray, " cells"]) -> None:
        """Mark candidates as bought."""
        starts, indices = self._elements.indptr, self._elements.indices
        for cell in cells:
            self._left[indices[starts[cell] : starts[cell + 1]]] = 0.0
