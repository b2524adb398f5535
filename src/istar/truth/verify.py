"""Verification: a random sample of a table's cells is computed again, without packing, and compared.

Two right computations of a cell differ by rounding. In float32 and float64 that is far below `TOLERANCE_NATS`, which
is the tolerance there; of a probability it is that share, since a log-probability that is off by so many nats changes
a probability by so large a part; and what is right or wrong has no tolerance.

In bfloat16 and float16 rounding is much larger, and how far it moves a value depends on the scale of the logits and
on what is read off them. So it is measured where it acts (Monte Carlo arithmetic, Parker 1997): the residual stream
before the final norm is moved at random by `ROUNDINGS` times what rounding leaves there (`stream_rounding`: the
dtype's unit roundoff times the square root of the number of sums on the way), final norm, unembedding and readout
follow, and the largest change of the value in `DRAWS` draws is the cell's tolerance. An answer then counts as right
and wrong alike only where its logits are within rounding of one another's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from istar.questions import Run
from istar.seeds import Seed
from istar.targets import Target
from istar.targets.rounding import stream_rounding
from istar.truth.table import Table, TableKey, TruthError

TOLERANCE_NATS = 1e-3
ROWS_AT_ONCE = 64
HALF = (torch.bfloat16, torch.float16)
ROUNDINGS = 4.0
"""Steep weights amplify rounding: packed and plain streams were found up to 2.8 times `stream_rounding` apart."""
DRAWS = 16


@dataclass(frozen=True)
class WrongCell:
    """A cell whose value could not be reproduced.

    Attributes:
        row: its row.
        stored: the table's value.
        computed: what the target gives.
        allowed: how far they may be apart.
    """

    row: int
    stored: float
    computed: float
    allowed: float


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
    largest, doubtful = 0.0, []
    # few at a time, for each keeps log-probabilities over the vocabulary; those under one intervention side by side
    rows = np.array(sorted(rows.tolist(), key=lambda row: _key(table.question.runs[row])))
    for some in np.array_split(rows, math.ceil(len(rows) / ROWS_AT_ONCE)):
        runs = [table.question.runs[row] for row in some]
        for row, run, computed in zip(some.tolist(), runs, target.slow_values(runs), strict=True):
            stored = float(table.values[row])
            error = abs(stored - computed)
            largest = max(largest, error)
            if not error <= _tolerance(run, computed):
                doubtful.append((row, run, computed))
    wrong = []
    for start in range(0, len(doubtful), ROWS_AT_ONCE):
        piece = doubtful[start : start + ROWS_AT_ONCE]
        rounding = rounding_errors(target, [run for _, run, _ in piece], generator.spawn(1)[0])
        for (row, run, computed), moved in zip(piece, rounding, strict=True):
            stored = float(table.values[row])
            allowed = max(_tolerance(run, computed), moved)
            if not abs(stored - computed) <= allowed:
                wrong.append(WrongCell(row, stored, computed, allowed))
    return Verification(table.key, len(rows), largest, tuple(wrong))


def _tolerance(run: Run, value: float) -> float:
    """Return how far apart two values of a run may be in float32, in the readout's unit."""
    if run.readout.unit == "verdict":
        return 0.0
    return TOLERANCE_NATS * (value if run.readout.unit == "probability" else 1.0)


@torch.no_grad()
def rounding_errors(target: Target, runs: Sequence[Run], generator: np.random.Generator) -> list[float]:
    """Return how far rounding may move the value of each run, in its readout's unit; 0 in float32 and float64.

    Args:
        target: the model.
        runs: what is read.
        generator: draws how the residual streams are moved.
    """
    if target.dtype not in HALF:
        return [0.0] * len(runs)
    scale = ROUNDINGS * stream_rounding(target.dtype, target.layers)
    streams = target.run(runs)

    def moved(hidden: Float[Tensor, "reads width"]) -> Float[Tensor, "reads width"]:
        noise = torch.from_numpy(generator.standard_normal(hidden.shape, dtype=np.float32)).to(hidden.device)
        return (hidden.float() * (1 + scale * noise)).to(hidden.dtype)

    values = target.read(runs, streams)
    changes = [(target.read(runs, streams, lens=moved) - values).abs() for _ in range(DRAWS)]
    return torch.stack(changes).amax(dim=0).tolist()


def _key(run: Run) -> str:
    return "" if run.intervention is None else run.intervention.key
