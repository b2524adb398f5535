"""What each row of a question costs, and what a set of rows costs together.

Rows are charged as if the model had an ideal prefix cache: every unique token of the trie of bought rows once, every
position read once, every intervention once. A `PriceSheet` holds this compressed into segments, sets of tokens and
reads that exactly the same rows need; a `Bill` is one purchase history over a sheet. The price of a set of rows is a
coverage function: monotone, submodular, and zero for what was bought before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int
from scipy.sparse import csr_matrix

from istar.errors import IstarError
from istar.flops.costs import CostModel
from istar.flops.histograms import added_up
from istar.flops.segments import path_segments, shared_sets
from istar.questions.runs import Run
from istar.questions.trie import Trie

Rows = Sequence[int] | Int[np.ndarray, " bought"]


MOST_FLOPS = 2**63 - 1
"""What a price can be at most; a greater one would come out as another, negative or small."""


class PriceError(IstarError):
    """Prices asked for what the question does not have, or too great to be held."""


@dataclass(frozen=True, eq=False)
class PriceSheet:
    """The prices of a question's rows under one target and rulebook.

    Attributes:
        segment_flops: FLOPs of each segment.
        segment_tokens: unique tokens in each segment; 0 for shared reads and interventions.
        row_segments: which segments each row needs.
        row_reads_flops: FLOPs of the positions that only this row reads.
    """

    segment_flops: Int[np.ndarray, " segments"]
    segment_tokens: Int[np.ndarray, " segments"]
    row_segments: csr_matrix
    row_reads_flops: Int[np.ndarray, " rows"]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.row_reads_flops)

    @cached_property
    def total(self) -> int:
        """FLOPs of brute force: all rows."""
        return int(self.segment_flops.sum() + self.row_reads_flops.sum())

    @cached_property
    def row_flops(self) -> Int[np.ndarray, " rows"]:
        """FLOPs of each row bought alone."""
        alone: Int[np.ndarray, " rows"] = self.row_segments @ self.segment_flops + self.row_reads_flops
        return alone

    @property
    def dearest_run(self) -> int:
        """FLOPs of the dearest row bought alone."""
        return int(self.row_flops.max())

    @property
    def unique_tokens(self) -> int:
        """Tokens that brute force computes."""
        return int(self.segment_tokens.sum())

    def bill(self) -> Bill:
        """Return an empty purchase history."""
        return Bill(self)

    def to_arrays(self) -> dict[str, Int[np.ndarray, " _"]]:
        """Return the sheet as flat arrays of integers, for storage."""
        return {
            "segment_flops": self.segment_flops,
            "segment_tokens": self.segment_tokens,
            "row_pointers": self.row_segments.indptr.astype(np.int64),
            "row_segments": self.row_segments.indices.astype(np.int64),
            "row_reads_flops": self.row_reads_flops,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Int[np.ndarray, " _"]]) -> PriceSheet:
        """Return the sheet that `to_arrays` stored."""
        pointers, indices = np.asarray(arrays["row_pointers"]), np.asarray(arrays["row_segments"])
        shape = (len(pointers) - 1, len(arrays["segment_flops"]))
        membership = csr_matrix((np.ones(len(indices), dtype=bool), indices, pointers), shape=shape)
        return cls(
            np.asarray(arrays["segment_flops"], dtype=np.int64),
            np.asarray(arrays["segment_tokens"], dtype=np.int64),
            membership,
            np.asarray(arrays["row_reads_flops"], dtype=np.int64),
        )


def price_sheet(
    trie: Trie, runs: Sequence[Run], costs: CostModel, intervention_flops: Mapping[str, int] | None = None
) -> PriceSheet:
    """Return the prices of a question's rows.

    Args:
        trie: the prefix trie of `runs`.
        runs: the question's rows.
        costs: the target's analytic costs.
        intervention_flops: FLOPs of setting up each intervention, by its key; an absent one is free.

    Raises:
        PriceError: an intervention is priced that no run has, or all rows together cost more than `MOST_FLOPS`.
    """
    rows = len(runs)
    segments = path_segments(trie)
    _check_total(trie, costs, intervention_flops or {})
    depth_sum = np.bincount(segments.of_node, weights=trie.depth + 1, minlength=segments.count).astype(np.int64)
    tokens = np.bincount(segments.of_node, minlength=segments.count).astype(np.int64)
    token_flops = tokens * costs.per_token + depth_sum * costs.per_pair

    reader = np.repeat(trie.path_row, [len(reads) for reads in trie.reads])
    read = np.concatenate([*trie.reads, np.zeros(0, dtype=np.int64)])
    pairs = np.unique(np.stack([read, reader], axis=1), axis=0) if len(read) else np.zeros((0, 2), dtype=np.int64)
    nodes, place, readers = np.unique(pairs[:, 0], return_inverse=True, return_counts=True)
    alone = readers[place] == 1
    row_reads = np.bincount(pairs[alone, 1], minlength=rows).astype(np.int64) * costs.per_read

    keys = {key: number for number, key in enumerate(intervention_flops or {})}
    run_keys = [None if run.intervention is None else run.intervention.key for run in runs]
    keyed = [(row, keys[key]) for row, key in enumerate(run_keys) if key in keys]
    if missing := sorted(set(keys).difference(key for key in run_keys if key)):
        raise PriceError(f"interventions are priced that no run has: {', '.join(missing)}")

    # Elements: token segments, then nodes read, then interventions; those that the same rows need become one segment.
    shared_offset, key_offset = segments.count, segments.count + len(nodes)
    elements = key_offset + len(keys)
    element_row = np.concatenate([segments.row, pairs[~alone, 1], np.array([row for row, _ in keyed], dtype=np.int64)])
    element = np.concatenate(
        [
            segments.segment,
            shared_offset + place[~alone],
            key_offset + np.array([number for _, number in keyed], dtype=np.int64),
        ]
    )
    flops = np.concatenate(
        [
            token_flops,
            np.full(len(nodes), costs.per_read, dtype=np.int64),
            np.array(list((intervention_flops or {}).values()), dtype=np.int64),
        ]
    )
    weights = np.concatenate([tokens, np.zeros(elements - segments.count, dtype=np.int64)])
    membership, merged = shared_sets(element_row, element, rows, elements)
    used = merged >= 0
    count = membership.shape[1]
    segment_flops = np.zeros(count, dtype=np.int64)
    segment_tokens = np.zeros(count, dtype=np.int64)
    np.add.at(segment_flops, merged[used], flops[used])
    np.add.at(segment_tokens, merged[used], weights[used])
    return PriceSheet(segment_flops, segment_tokens, membership, row_reads)


def _check_total(trie: Trie, costs: CostModel, intervention_flops: Mapping[str, int]) -> None:
    """Check in whole numbers of any size that what all rows cost together, and so each of them, can be held."""
    reads = len(np.unique(np.concatenate([*trie.reads, np.zeros(0, dtype=np.int64)])))
    pairs = int((trie.depth.astype(np.int64) + 1).sum())
    total = len(trie.depth) * costs.per_token + pairs * costs.per_pair + reads * costs.per_read
    total += sum(intervention_flops.values())
    if total > MOST_FLOPS:
        raise PriceError(
            f"brute force on a question of {len(trie.depth)} unique tokens would take {total:.1e} FLOPs, and no more "
            f"than {MOST_FLOPS:.1e} can be counted; ask of fewer or shorter rows, or of a smaller target"
        )


def rows_by_op(
    trie: Trie, costs: Mapping[str, CostModel], setups: Sequence[Mapping[str, int]] = ()
) -> dict[str, dict[str, int]]:
    """Return the price of all rows together by part and operation: what a `PriceSheet` has as one sum.

    Args:
        trie: the prefix trie of the rows.
        costs: the target's analytic costs of each operation.
        setups: FLOPs by operation of setting up each intervention of the rows.

    Returns:
        FLOPs by operation of `tokens` (what each unique token costs wherever it stands), `pairs` (what it costs for
        every token it attends to), `reads` and `interventions`.
    """
    reads = len(np.unique(np.concatenate([*trie.reads, np.zeros(0, dtype=np.int64)])))
    counts = {"tokens": len(trie.depth), "pairs": int((trie.depth.astype(np.int64) + 1).sum()), "reads": reads}
    each = {"tokens": "per_token", "pairs": "per_pair", "reads": "per_read"}
    parts: dict[str, dict[str, int]] = {
        part: {name: count * int(getattr(cost, each[part])) for name, cost in costs.items()}
        for part, count in counts.items()
    }
    parts["interventions"] = added_up(*setups)
    return {part: {name: flops for name, flops in by_op.items() if flops} for part, by_op in parts.items()}


class Bill:
    """One purchase history: what has been bought, what it cost, what the rest would cost now.

    Args:
        sheet: the prices.
    """

    def __init__(self, sheet: PriceSheet) -> None:
        """See the class docstring."""
        self.sheet = sheet
        self.spent = 0
        self._owned: Bool[np.ndarray, " segments"] = np.zeros(len(sheet.segment_flops), dtype=bool)
        self._bought: Bool[np.ndarray, " rows"] = np.zeros(sheet.rows, dtype=bool)

    @property
    def bought(self) -> Bool[np.ndarray, " rows"]:
        """Which rows have been bought; a copy."""
        return self._bought.copy()

    def copy(self) -> Bill:
        """Return an independent bill with the same history."""
        other = Bill.__new__(Bill)
        other.sheet, other.spent = self.sheet, self.spent
        other._owned, other._bought = self._owned.copy(), self._bought.copy()
        return other

    def _new(self, rows: Rows) -> tuple[Int[np.ndarray, " new_rows"], Int[np.ndarray, " new_segments"]]:
        """Return the rows not bought yet and the segments not owned yet, each once."""
        wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= self.sheet.rows):
            wrong = int(wanted.min() if wanted.min() < 0 else wanted.max())
            raise PriceError(f"row {wrong} was asked for; rows run from 0 to {self.sheet.rows - 1}")
        fresh = np.unique(wanted[~self._bought[wanted]])
        needed = np.zeros(len(self._owned), dtype=bool)
        pointers, indices = self.sheet.row_segments.indptr, self.sheet.row_segments.indices
        if len(fresh) > self.sheet.rows // 64:
            chosen = np.zeros(self.sheet.rows, dtype=bool)
            chosen[fresh] = True
            needed[indices[np.repeat(chosen, np.diff(pointers))]] = True
        else:
            for row in fresh:
                needed[indices[pointers[row] : pointers[row + 1]]] = True
        return fresh, np.flatnonzero(needed & ~self._owned)

    def price(self, rows: Rows) -> int:
        """Return what buying these rows together would cost now, in FLOPs.

        Raises:
            PriceError: there is no such row.
        """
        fresh, segments = self._new(rows)
        return int(self.sheet.segment_flops[segments].sum() + self.sheet.row_reads_flops[fresh].sum())

    def marginal(self) -> Int[np.ndarray, " rows"]:
        """Return what each row would cost if it alone were bought now, in FLOPs; 0 for rows bought before."""
        segments = self.sheet.row_segments @ np.where(self._owned, 0, self.sheet.segment_flops)
        marginal: Int[np.ndarray, " rows"] = np.where(self._bought, 0, segments + self.sheet.row_reads_flops)
        return marginal

    def buy(self, rows: Rows) -> int:
        """Buy rows together and return what they cost, in FLOPs.

        Raises:
            PriceError: there is no such row.
        """
        fresh, segments = self._new(rows)
        price = int(self.sheet.segment_flops[segments].sum() + self.sheet.row_reads_flops[fresh].sum())
        self._owned[segments] = True
        self._bought[fresh] = True
        self.spent += price
        return price
