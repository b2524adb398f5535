"""Who foretells rows: an executor's beliefs, followed through what it did on a market."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from jaxtyping import Float, Int

from istar.executors.executor import Executor
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.executors.market import Market


class RowCoder(Protocol):
    """The beliefs of an executor about the rows of one question, on a market of its own."""

    def bits(
        self, rows: Int[np.ndarray, " bought"], values: Float[np.ndarray, " bought"]
    ) -> Float[np.ndarray, " bought"]:
        """Return what each row takes, given what is bought on the market and the rows before it among these.

        Args:
            rows: rows that are not bought yet, in the order in which they are written down.
            values: their values.
        """


@singledispatch
def row_coder(executor: Executor, market: Market, state: Any, seed: Seed) -> RowCoder | None:  # noqa: ARG001
    """Return the coder of an executor's beliefs, or None if it states none about rows.

    An executor of one's own registers its coder: `@row_coder.register(ItsClass)`, a function of these arguments.

    Args:
        executor: the executor.
        market: a fresh market, on which what the executor did is done again; the coder only reads it.
        state: what the executor had learned.
        seed: the seed that it answered with.
    """
    return None


def states_beliefs(executor: Executor) -> bool:
    """Return whether an executor has a predictive distribution of rows, so that their surprise is measured."""
    return row_coder.dispatch(type(executor)) is not row_coder.dispatch(Executor)


def surprise(
    executor: Executor, used: Market, fresh: Market, values: Float[np.ndarray, " rows"], state: Any, seed: Seed
) -> float | None:
    """Return the bits of all rows of a question that can be bought, or None if the executor states no beliefs.

    Rows are written down in the order in which they were bought, at what was believed then. What was left unbought,
    since channels had used up the budget, follows in the order of the table: so both arms write down the same rows.

    Args:
        executor: the executor.
        used: the market on which it answered.
        fresh: another one of the same question and recording, on which nothing is bought; used up by the call.
        values: the values of all rows.
        state: what the executor had learned.
        seed: the seed that it answered with.
    """
    coder = row_coder(executor, fresh, state, seed)
    if coder is None:
        return None
    blank = np.zeros_like(used.trace().stop_answer)
    bits = 0.0
    for deed, number, rows in used.deeds:
        if deed == "buy":
            bits += float(coder.bits(rows, values[rows]).sum())
            fresh.buy(rows)
        elif deed == "channels":
            fresh.buy_channels()
        elif deed == "charge":
            fresh.charge(number)
        else:
            fresh.record(blank, blank)
    left = np.flatnonzero(fresh.on_sale)
    return bits + float(coder.bits(left, values[left]).sum())
