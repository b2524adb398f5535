"""How far the spreads that the statistician states can be trusted, and the factor that makes them honest.

A posterior of a model that is wrong in places is too sure of itself: a stream's residuals, say, may be spread
differently for either label. How much is measured on training questions, each answered with what was learned from the
others, and the factor by which spreads were too small is frozen in the portfolio, for each kind of functional.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from istar.executors.executor import CLAIMED, EXACT, Z
from istar.executors.market import Market
from istar.executors.statistician.statistician import Statistician
from istar.executors.statistician.variants import Variant
from istar.making.statistician.knowing import knowledge_of
from istar.seeds import Seed
from istar.truth import Table
from istar.truth.effects.records import TableEffects

SHARES = (1 / 256, 1 / 64, 1 / 16, 1 / 4, 1 / 2)
"""Budgets at which spreads are looked at, as shares of brute force."""

Errors = Float[np.ndarray, "shares outcomes"]
"""Errors in stated standard deviations, one column for each output and seed; NaN where no spread is stated."""


def standardised_errors(
    tables: Sequence[Table], records: Sequence[TableEffects], variant: Variant, seeds: Iterable[int]
) -> list[Errors]:
    """Return the errors of the black-box arm on each of some questions of a task, in the spreads it states.

    Args:
        tables: the questions.
        records: what was learned from each; a question is answered with those of the others.
        variant: the variant of the statistician.
        seeds: executor seeds.
    """
    found = []
    for table in tables:
        knowledge = knowledge_of(table.question, records)
        columns = []
        for seed in seeds:
            trace = Statistician(variant).answer(Market(table), knowledge, Seed.root(seed))
            places = np.searchsorted(trace.checkpoints, np.array(SHARES) * trace.checkpoints[-1])
            truth = table.question.functional.answer(table.values, table.question.structure)
            error, spread = np.abs(trace.answers - truth)[places], trace.spread[places]
            exact = np.where(np.isnan(spread), np.nan, 0.0)
            columns.append(np.where(error <= EXACT, exact, error / np.maximum(spread, 1e-300)))
        found.append(np.concatenate(columns, axis=1))
    return found


def coverage(errors: Errors, factor: float = 1.0) -> Float[np.ndarray, " shares"]:
    """Return the share of a question's intervals that hold the truth at each budget; NaN where none is stated."""
    stated = (~np.isnan(errors)).sum(1)
    held = (errors <= Z * factor).sum(1)
    return np.where(stated > 0, held / np.maximum(stated, 1), np.nan)


def spread_factor(errors: Sequence[Errors]) -> float:
    """Return the least factor, 1 or more, with which intervals hold the truth as often as they claim.

    Args:
        errors: of questions; each counts the same, however many outputs it has.
    """
    values = [each[~np.isnan(each)] for each in errors]
    values = [each for each in values if len(each)]
    if not values:
        return 1.0
    every = np.concatenate(values)
    weights = np.concatenate([np.full(len(each), 1 / len(each)) for each in values])
    order = np.argsort(every, kind="stable")
    reached = np.searchsorted(np.cumsum(weights[order]) / len(values), CLAIMED - 1e-12)
    return max(1.0, float(every[order][min(int(reached), len(every) - 1)]) / Z)
