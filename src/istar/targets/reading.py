"""From residual streams at read positions to the values of runs.

Log-probabilities over a whole vocabulary are large (200 kB a position at 49,152 tokens), so they are made for a few
positions at a time, handed to the readouts that need them, and dropped; positions that later rows need again are kept
within a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from istar.questions.runs import Run
from istar.questions.trie import Trie

READS_AT_ONCE = 256
KEPT_READS = 2048

Unembed = Callable[[Float[Tensor, "reads width"], str], Float[Tensor, "reads vocabulary"]]
"""From residual streams to log-probabilities, under the intervention of the given key."""


@dataclass(frozen=True)
class ReadPlan:
    """Which read positions each run needs.

    Attributes:
        nodes: the trie nodes that are read, ascending and each once; a `read` is a place in this list.
        root: index into `keys` of the model that each read belongs to.
        keys: intervention keys; "" is the plain model.
        reads: for each row, for each of its paths, the reads.
    """

    nodes: Int[np.ndarray, " reads"]
    root: Int[np.ndarray, " reads"]
    keys: tuple[str, ...]
    reads: tuple[tuple[Int[np.ndarray, " positions"], ...], ...]

    def needed(self, row: int) -> Int[np.ndarray, " positions"]:
        """Return all reads of a row, path after path."""
        return np.concatenate(self.reads[row])


def plan_reads(trie: Trie, rows: int) -> ReadPlan:
    """Return the reads of the rows of a trie."""
    every = np.concatenate(trie.reads) if trie.reads else np.empty(0, dtype=np.int64)
    nodes, places = np.unique(every, return_inverse=True)
    by_row: list[list[Int[np.ndarray, " positions"]]] = [[] for _ in range(rows)]
    for row, reads in zip(trie.path_row.tolist(), _split(places.reshape(-1), trie.reads), strict=True):
        by_row[row].append(reads)
    return ReadPlan(nodes, trie.root[nodes], trie.interventions, tuple(tuple(paths) for paths in by_row))


def _split(
    places: Int[np.ndarray, " every"], like: Sequence[Int[np.ndarray, " reads"]]
) -> list[Int[np.ndarray, " reads"]]:
    """Cut an array into pieces as long as those of `like`."""
    return np.split(places, np.cumsum([len(each) for each in like])[:-1]) if like else []


@dataclass
class Reader:
    """Turns residual streams into values, a few positions at a time.

    Attributes:
        runs: the rows.
        plan: their reads.
        unembed: from residual streams to log-probabilities, under an intervention.
    """

    runs: Sequence[Run]
    plan: ReadPlan
    unembed: Unembed
    _uses: Int[np.ndarray, " reads"] = field(init=False)
    _kept: dict[int, Float[Tensor, " vocabulary"]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Count how often each read is needed."""
        self._uses = np.zeros(len(self.plan.nodes), dtype=np.int64)
        for row in range(len(self.runs)):
            self._uses[np.unique(self.plan.needed(row))] += 1

    def values(
        self, rows: Sequence[int], hidden: Float[Tensor, "reads width"]
    ) -> Iterator[tuple[list[int], list[float]]]:
        """Yield rows and their values, batch by batch; each row is asked for once.

        Args:
            rows: the rows whose reads are all present in `hidden`.
            hidden: what is unembedded, by read.
        """
        batch: list[int] = []
        wanted: set[int] = set()
        for row in sorted(rows, key=lambda row: int(self.plan.needed(row).min())):
            needed = set(self.plan.needed(row).tolist())
            if batch and len(wanted | needed) > READS_AT_ONCE:
                yield batch, self._batch_values(batch, wanted, hidden)
                batch, wanted = [], set()
            batch.append(row)
            wanted |= needed
        if batch:
            yield batch, self._batch_values(batch, wanted, hidden)

    def _batch_values(self, rows: list[int], wanted: set[int], hidden: Float[Tensor, "reads width"]) -> list[float]:
        fresh = np.array(sorted(wanted - self._kept.keys()), dtype=np.int64)
        fresh = fresh[np.argsort(self.plan.root[fresh], kind="stable")]
        roots, starts = np.unique(self.plan.root[fresh], return_index=True)
        parts = [
            self.unembed(hidden[torch.from_numpy(part).to(hidden.device)], self.plan.keys[root])
            for root, part in zip(roots.tolist(), np.split(fresh, starts[1:]), strict=True)
        ]
        log_probs = parts[0] if len(parts) == 1 else torch.cat(parts) if parts else hidden.new_empty(0, 0)
        place = np.full(len(self.plan.nodes), -1)
        place[fresh] = np.arange(len(fresh))

        def gather(reads: Int[np.ndarray, " positions"]) -> Float[Tensor, "positions vocabulary"]:
            places = place[reads]
            if (places < 0).any():
                rows_of = [log_probs[place[read]] if place[read] >= 0 else self._kept[read] for read in reads.tolist()]
                return torch.stack(rows_of)
            if len(places) and (np.diff(places) == 1).all():
                return log_probs[int(places[0]) : int(places[-1]) + 1]
            return log_probs[torch.from_numpy(places).to(log_probs.device)]

        values = []
        for row in rows:
            run = self.runs[row]
            values.append(run.value([gather(reads) for reads in self.plan.reads[row]]))
            self._uses[np.unique(self.plan.needed(row))] -= 1
        for read in [read for read in self._kept if not self._uses[read]]:
            del self._kept[read]
        for read in fresh[self._uses[fresh] > 0].tolist():
            if len(self._kept) < KEPT_READS:
                self._kept[read] = log_probs[place[read]].clone()
        return values


class Completion:
    """Tells which rows have all their reads, as reads come in.

    Args:
        plan: the rows' reads.
    """

    def __init__(self, plan: ReadPlan) -> None:
        """See the class docstring."""
        self._rows_of: list[list[int]] = [[] for _ in plan.nodes]
        self._missing = []
        for row in range(len(plan.reads)):
            needed = np.unique(plan.needed(row)).tolist()
            self._missing.append(len(needed))
            for read in needed:
                self._rows_of[read].append(row)

    def rows(self, found: Int[np.ndarray, " found"]) -> list[int]:
        """Return the rows that these reads complete."""
        complete = []
        for read in found.tolist():
            for row in self._rows_of[read]:
                self._missing[row] -= 1
                if not self._missing[row]:
                    complete.append(row)
        return complete


def as_arrays(
    pieces: list[tuple[list[int], list[float]]],
) -> Iterator[tuple[Int[np.ndarray, " piece"], Float[np.ndarray, " piece"]]]:
    """Yield pieces as arrays."""
    for rows, found in pieces:
        yield np.array(rows, dtype=np.int64), np.array(found, dtype=np.float64)
