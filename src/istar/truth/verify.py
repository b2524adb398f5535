"""Verification: a random sample of a table's cells is computed again, without packing, and compared."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from istar.questions import GreedyCorrect, Run
from istar.seeds import Seed
from istar.targets import Target
from istar.truth.table import Table, TableKey, TruthError

TOLERANCE_NATS = 1e-3
ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class WrongCell:
    """A cell whose value could not be reproduced.

    Attributes:
        row: its row.
        stored: the table's value.
        computed: what the target gives.
    """

    row: int
    stored: float
    computed: float


@dataclass(frozen=True)
class Verification:
    """What a comparison found.

    Attributes:
        key: the table.
        rows: how many cells were computed again.
        largest_error: the largest absolute difference, in the readout's unit.
        wrong: the cells out of tolerance.
    """

    key: TableKey
    rows: int
    largest_error: float
    wrong: tuple[WrongCell, ...]

    @property
    def passed(self) -> bool:
        """Whether every cell was within tolerance."""
        return not self.wrong


def check_fraction(fraction: float) -> None:
    """Check that so large a share of a table's rows can be verified.

    Raises:
        TruthError: it is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise TruthError(f"a fraction of {fraction} of the rows cannot be checked; give a number above 0 and up to 1")


def verify_table(target: Target, table: Table, fraction: float = 0.01, seed: int = 0) -> Verification:
    """Compute a random sample of cells again, one plain forward each, and compare.

    Args:
        target: the table's target.
        table: the table to check.
        fraction: the share of the rows to check; at least one row is.
        seed: decides which.

    Raises:
        TruthError: the table is another target's, or the fraction is not in (0, 1].
    """
    if table.target != target.id:
        raise TruthError(f"{table.key} cannot be verified with target {target.name} ({target.id[:12]})")
    check_fraction(fraction)
    count = len(table.values)
    generator = Seed.root(seed).split("verify", table.question.hash).generator()
    rows = np.sort(generator.permutation(count)[: max(1, round(fraction * count))])
    largest, wrong = 0.0, []
    # few at a time, for each keeps log-probabilities over the vocabulary; those under one intervention side by side
    rows = np.array(sorted(rows.tolist(), key=lambda row: _key(table.question.runs[row])))
    for some in np.array_split(rows, math.ceil(len(rows) / ROWS_AT_ONCE)):
        runs = [table.question.runs[row] for row in some]
        for row, run, computed in zip(some.tolist(), runs, target.slow_values(runs), strict=True):
            stored = float(table.values[row])
            error = abs(stored - computed)
            largest = max(largest, error)
            if not error <= (0.0 if isinstance(run.readout, GreedyCorrect) else TOLERANCE_NATS):
                wrong.append(WrongCell(row, stored, computed))
    return Verification(table.key, len(rows), largest, tuple(wrong))


def _key(run: Run) -> str:
    return "" if run.intervention is None else run.intervention.key
