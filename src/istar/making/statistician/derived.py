"""Questions derived from training tables, for calibrating functionals that no training family has.

The values and prices are a training table's; only the question asked of them differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from istar.flops.prices import PriceSheet
from istar.questions import (
    ArmChoice,
    BestArmMean,
    Column,
    Functional,
    Question,
    Structure,
    UpperTail,
    grid_groups,
)
from istar.seeds import Seed

ARMS = 64
TAIL_LEVEL = 0.99


class TableLike(Protocol):
    """What executors use of a table."""

    @property
    def question(self) -> Question:
        """The question."""

    @property
    def values(self) -> Float[np.ndarray, " rows"]:
        """The value of every row."""

    @property
    def prices(self) -> PriceSheet:
        """What rows cost."""

    @property
    def target(self) -> str:
        """The target's id."""


@dataclass(frozen=True, eq=False)
class DerivedTable:
    """Some rows of a table under another question.

    Attributes:
        question: the derived question.
        values: values of its rows.
        prices: prices of its rows.
        target: the target's id.
    """

    question: Question
    values: Float[np.ndarray, " rows"]
    prices: PriceSheet
    target: str


def price_subset(sheet: PriceSheet, rows: Int[np.ndarray, " kept"]) -> PriceSheet:
    """Return the prices of a selection of rows, without segments that none of them needs."""
    membership = sheet.row_segments[rows]
    used = np.unique(membership.indices)
    return PriceSheet(
        sheet.segment_flops[used], sheet.segment_tokens[used], membership[:, used].tocsr(), sheet.row_reads_flops[rows]
    )


def _derive(
    table: TableLike, name: str, rows: Int[np.ndarray, " kept"], columns: list[Column], functional: Functional
) -> DerivedTable:
    question = table.question
    runs = tuple(question.runs[row] for row in rows)
    derived = Question(f"{question.task}+{name}", question.index, runs, Structure(tuple(columns)), functional)
    return DerivedTable(derived, table.values[rows], price_subset(table.prices, rows), table.target)


def best_arm_table(table: TableLike) -> DerivedTable:
    """Return the question which of 64 arms of a table has the best mean; switches become traits."""
    question = table.question
    generator = Seed.root(0).split("best_arm", question.hash).generator()
    arm, replicate = grid_groups(question.structure)
    chosen = generator.permutation(int(arm.max()) + 1)[:ARMS]
    rows = np.flatnonzero(np.isin(arm, chosen))
    place = np.unique(arm[rows], return_inverse=True)[1]
    columns = [Column("arm", "arm", tuple(map(float, place)))]
    columns += [
        Column(column.name, "trait", tuple(column.array[rows].tolist())) for column in question.structure.of("switch")
    ]
    columns.append(Column("replicate", "nuisance", tuple(map(float, replicate[rows]))))
    return _derive(table, "best_arm_mean", rows, columns, BestArmMean("arm", "replicate"))


def arm_choice_table(table: TableLike) -> DerivedTable:
    """Return the question which arm of a table is best and how good it is.

    Raises:
        ValueError: the table was asked something else than its arms' means.
    """
    question = table.question
    if question.functional.compared is None:
        raise ValueError(f"{question.task} is not about the means of arms")
    functional = ArmChoice(question.functional.compared, value=1.0)
    derived = Question(f"{question.task}+arm_choice", question.index, question.runs, question.structure, functional)
    return DerivedTable(derived, table.values, table.prices, table.target)


def upper_tail_table(table: TableLike) -> DerivedTable:
    """Return the question for the upper tail of the negative values of 64 arms of a table, as a stream of rows.

    Nothing of the structure is kept but a covariate, how many switches are on. Arms with fewer than two of them on are
    left out: whether such an arm is drawn would decide the whole tail.
    """
    question = table.question
    generator = Seed.root(0).split("upper_tail", question.hash).generator()
    arm, _ = grid_groups(question.structure)
    on = sum((column.array for column in question.structure.of("switch")), np.zeros(len(arm)))
    allowed = np.unique(arm[on >= 2])
    rows = np.flatnonzero(np.isin(arm, generator.permutation(allowed)[:ARMS]))
    columns = [Column("row", "arm", tuple(map(float, range(len(rows))))), Column("on", "covariate", tuple(on[rows]))]
    derived = _derive(table, "upper_tail", rows, columns, UpperTail(TAIL_LEVEL))
    return DerivedTable(derived.question, -derived.values, derived.prices, derived.target)
