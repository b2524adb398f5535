"""What is submitted, and its reward: the training reward of the protocol, on the questions of the episode."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from istar.ledger import RoundRecord
from istar.methods.contract import MethodError
from istar.methods.fence import FenceError, check_source
from istar.protocol.shuffled_control import coins, exchange_arms

if TYPE_CHECKING:
    from istar.arms.base import Evaluation
    from istar.protocol.config import SearchConfig
    from istar.protocol.evaluator import Evaluator
    from istar.researchers import Proposal
    from istar.rewards.formulas import Reward, Score
    from istar.truth.table import Table

ITERATION = 0
"""An episode submits once: its method is the first proposal of the run."""


class Submission:
    """The submission of an episode, which may have been made before.

    Args:
        evaluator: evaluates methods, and holds the run's book.
        formula: the reward formula.
        rewarded: the questions that the reward asks, by task, in the order in which they are asked.
        config: the settings.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        formula: Reward,
        rewarded: Mapping[str, tuple[Table, ...]],
        config: SearchConfig,
    ) -> None:
        """See the class docstring."""
        self._evaluator, self._book = evaluator, evaluator.book
        self._formula, self._config = formula, config
        self._tasks = list(rewarded.values())

    @property
    def outcome(self) -> RoundRecord | None:
        """What came of it; None while nothing was submitted and rewarded."""
        return self._book.round(ITERATION)

    def make(self, method: Proposal) -> int:
        """Reward a method and return the FLOPs of recording it; what is in the book already is not done again."""
        book, start = self._book, time.monotonic()
        if book.proposal(ITERATION) is None:
            book.add_proposal(ITERATION, method)
        status, reason, score = "ok", "", None
        if faults := check_source(method.source):
            status, reason = "rejected", str(FenceError(method.name, faults))
        else:
            try:
                score = self._rewarded(method)
            except MethodError as failure:
                status, reason = "error", str(failure)
        if self.outcome is None:
            book.add_round(
                RoundRecord(
                    iteration=ITERATION,
                    method=method.hash,
                    stage="screen" if status == "rejected" else "train",
                    status=status,
                    reason=reason,
                    reward=None if score is None else score.reward,
                    standard_error=None if score is None else score.standard_error,
                    validation_reward=None,
                    improved=False,
                    best_method="",
                    best_reward=None,
                    seconds=time.monotonic() - start,
                )
            )
        return sum(each.spending.flops for each in self._evaluations(method.hash).values())

    def _rewarded(self, method: Proposal) -> Score:
        """Return the training reward of a method.

        Raises:
            MethodError: the method failed.
        """
        self._evaluator.interpret(method)
        baseline, interp = [], []
        for tables, evaluations in zip(self._tasks, self._evaluator.interp("train", method, self._tasks), strict=True):
            baseline += [curve for table in tables for curve in self._evaluator.baseline(table).curves]
            interp += [curve for evaluation in evaluations for curve in evaluation.curves]
        if (exchange := coins(self._config, method.hash)) is not None:
            baseline, interp = exchange_arms(baseline, interp, exchange)
        return self._formula.score(baseline, interp)

    def _evaluations(self, method: str) -> dict[str, Evaluation]:
        return self._book.evaluations("train", method)

    def told(self) -> dict[str, Any]:
        """Return what the agent is told of it."""
        outcome = self.outcome
        assert outcome is not None
        return {
            "reward": outcome.reward,
            "standard_error": outcome.standard_error,
            "status": outcome.status,
            "error": outcome.reason,
        }
