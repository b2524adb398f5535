"""Executors: what answers a question under a FLOP budget, with or without a method's channels.

An executor is the document's M2. It sees a `Market`: the question's structure, prices, what is known of the task from
its other questions, and, for a price, values and channels. It leaves a `Trace`: the answer it would have given at
every budget checkpoint.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from istar.errors import IstarError
from istar.registry import Registry
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.executors.market import Market

EXECUTORS: Registry[type[Executor]] = Registry("executor")


CLAIMED, Z = 0.95, 1.96
"""What intervals of so many standard deviations claim to hold."""
EXACT = 1e-9
"""An answer that is this near to the truth is right, however sure the executor was."""


class ExecutorError(IstarError):
    """A purchase that is not allowed, or a trace that contradicts itself."""


@dataclass(frozen=True)
class Trace:
    """What an executor answered and spent, at growing FLOP budgets.

    Attributes:
        checkpoints: FLOP budgets, ascending; the last one is brute force.
        flops_spent: what was spent within each budget: rows, channels and the statistician's own arithmetic. Only at
            brute force itself may it exceed the budget, by the arithmetic, since buying all rows needs none.
        answers: the answer at each budget.
        spread: for each output, the posterior standard deviation of the answer; NaN where the executor gives none.
        rows_bought: rows bought by then.
        channel_batches: batches of channels bought by then.
        statistician_flops: the executor's own arithmetic by then, contained in `flops_spent`.
        stop: FLOPs spent when the executor's own stopping rule stopped.
        stop_answer: the answer given there.
    """

    checkpoints: Int[np.ndarray, " checkpoints"]
    flops_spent: Int[np.ndarray, " checkpoints"]
    answers: Float[np.ndarray, "checkpoints outputs"]
    spread: Float[np.ndarray, "checkpoints outputs"]
    rows_bought: Int[np.ndarray, " checkpoints"]
    channel_batches: Int[np.ndarray, " checkpoints"]
    statistician_flops: Int[np.ndarray, " checkpoints"]
    stop: int
    stop_answer: Float[np.ndarray, " outputs"]

    def coverage(self, truth: Float[np.ndarray, " outputs"]) -> Float[np.ndarray, " checkpoints"]:
        """Return the share of outputs whose 95% interval holds the truth, at each budget; NaN where none is stated.

        Args:
            truth: the true answer.
        """
        stated = ~np.isnan(self.spread)
        error = np.abs(self.answers - truth)
        held = (stated & ((error <= Z * self.spread) | (error <= EXACT))).sum(1)
        return np.where(stated.any(1), held / np.maximum(stated.sum(1), 1), np.nan)

    def __post_init__(self) -> None:
        """Check that the series fit together."""
        count = len(self.checkpoints)
        series = [self.flops_spent, self.answers, self.spread, self.rows_bought]
        series += [self.channel_batches, self.statistician_flops]
        if count == 0 or any(len(each) != count for each in series):
            raise ExecutorError("a trace needs one entry a checkpoint in every series, and at least one checkpoint")
        if not np.isfinite(self.answers).all() or not np.isfinite(self.stop_answer).all():
            raise ExecutorError("a trace holds an answer that is not finite")
        beyond = self.flops_spent - self.checkpoints
        beyond[-1] -= self.statistician_flops[-1]
        if (beyond > 0).any():
            worst = int(np.argmax(beyond))
            raise ExecutorError(f"at checkpoint {worst} the executor spent {int(beyond[worst])} FLOPs above its budget")


class Executor(ABC):
    """Base class; a subclass is registered in `EXECUTORS` under its name."""

    @abstractmethod
    def answer(self, market: Market, seed: Seed) -> Trace:
        """Spend, and answer at every checkpoint.

        Args:
            market: everything the executor may see; used up by the call.
            seed: decides every random choice; the same seed gives the same trace to the last bit.
        """

    def will_not_listen(self, market: Market) -> bool:
        """Return whether `answer` would for certain buy no channel on a fresh market, whatever the rows turn out to be.

        Its trace is then that of the black-box arm, to the last bit, and need not be made again. False promises
        nothing. Without an override, nothing is said of methods that have a channel.
        """
        return market.channel_count == 0
