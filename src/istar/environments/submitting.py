"""What is submitted, and its reward: the training reward of the protocol, or what the guard says of validation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from istar.environments.validating import NOT_BETTER, Judged, SharedGuard
from istar.ledger import RoundRecord
from istar.methods.contract import MethodError
from istar.methods.fence import FenceError, check_source
from istar.protocol.shuffled_control import coins

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
        guard: judges it on validation questions; None if the reward is the training reward.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        formula: Reward,
        rewarded: Mapping[str, tuple[Table, ...]],
        config: SearchConfig,
        guard: SharedGuard | None,
    ) -> None:
        """See the class docstring."""
        self._evaluator, self._book = evaluator, evaluator.book
        self._formula, self._config = formula, config
        self._tasks = list(rewarded.values())
        self._guard = guard

    @property
    def outcome(self) -> RoundRecord | None:
        """What came of it; None while nothing was submitted and rewarded."""
        return self._book.round(ITERATION)

    @property
    def reward(self) -> float | None:
        """Its reward; None while there is none, and of a method that failed on training questions."""
        outcome = self.outcome
        if outcome is None or outcome.reward is None:
            return None
        return outcome.reward if self._guard is None else self._judged.reward

    @property
    def _judged(self) -> Judged:
        """What the guard said to it: nothing to a method that failed on a validation question."""
        assert self._guard is not None
        return self._guard.said(self._book.run) or NOT_BETTER

    def make(self, method: Proposal) -> int:
        """Reward a method and return the FLOPs of recording it; what is in the book already is not done again."""
        book, start = self._book, time.monotonic()
        if book.proposal(ITERATION) is None:
            book.add_proposal(ITERATION, method)
        status, reason, score, judged = "ok", "", None, NOT_BETTER
        if faults := check_source(method.source):
            status, reason = "rejected", str(FenceError(method.name, faults))
        else:
            try:
                score = self._rewarded(method)
                judged = NOT_BETTER if self._guard is None else self._guard.judge(book.run, method)
            except MethodError as failure:
                status, reason = "error", str(failure)
        if self.outcome is None:
            book.add_round(
                RoundRecord(
                    iteration=ITERATION,
                    method=method.hash,
                    stage="screen" if status == "rejected" else "validation" if self._guard and score else "train",
                    status=status,
                    reason=reason,
                    reward=None if score is None else score.reward,
                    standard_error=None if score is None else score.standard_error,
                    validation_reward=judged.published if judged.best else None,
                    improved=judged.best,
                    best_method=method.hash if judged.best else "",
                    best_reward=judged.published if judged.best else None,
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
        exchange = coins(self._config, method.hash)
        return self._formula.score(*self._evaluator.curves("train", method, self._tasks, exchange))

    def _evaluations(self, method: str) -> dict[str, Evaluation]:
        return self._book.evaluations("train", method)

    def told(self) -> dict[str, Any]:
        """Return what the agent is told of it."""
        outcome = self.outcome
        assert outcome is not None
        told = {
            "reward": self.reward,
            "standard_error": outcome.standard_error,
            "status": outcome.status,
            "error": outcome.reason,
        }
        if self._guard is None:
            return told
        return told | {"standard_error": None, "training_reward": outcome.reward, "best": outcome.improved}
