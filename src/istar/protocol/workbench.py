"""The workbench of a search: shows its training questions, and bounds what its researcher tries on them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from istar.errors import IstarError
from istar.flops import PriceSheet
from istar.methods.contract import MethodError
from istar.methods.fence import FenceError, check_source
from istar.protocol.evaluator import Evaluator
from istar.protocol.shuffled_control import coins, exchange_arms
from istar.protocol.telling import Answered, by_question
from istar.protocol.uses import Done, Phase, Uses
from istar.researchers import (
    BudgetSpentError,
    Check,
    Proposal,
    ResearcherError,
    TargetView,
    Trained,
    TrainingQuestion,
    Use,
    Workbench,
)
from istar.seeds import Seed
from istar.tasks.family import check_rewardable

if TYPE_CHECKING:
    from istar.ledger import UseRecord
    from istar.methods.side_by_side import Part
    from istar.protocol.config import SearchConfig
    from istar.rewards.formulas import Reward
    from istar.truth.table import Table


class HeldOutError(IstarError):
    """A question that is not of training was about to be shown to a researcher."""


@dataclass(frozen=True)
class Tools:
    """What the workbench of a search is made of.

    Attributes:
        target: the target, to be read.
        check: checks the source of a method, given its name.
        tasks: all stored questions of the training tasks that are shown, by task.
        folder: where the search keeps its files; None if it keeps none.
    """

    target: TargetView
    check: Callable[[str, str], Check]
    tasks: Mapping[str, Sequence[Table]]
    folder: Path | None = None


class SearchWorkbench(Workbench):
    """The workbench of a search; see `Workbench`.

    Args:
        config: the settings.
        R: the reward formula.
        evaluator: the two settings, and the book.
        tools: what it shows and checks with.
        trained: the questions that the training reward asks, by task.
    """

    def __init__(
        self,
        config: SearchConfig,
        R: Reward,
        evaluator: Evaluator,
        tools: Tools,
        trained: Mapping[str, Sequence[Table]],
    ) -> None:
        """Check that every question is of training."""
        for task in (*tools.tasks, *trained):
            if check_rewardable(task) != "train":
                raise HeldOutError(f"{task} is no training task, and a researcher is shown no other")
        self._config, self._R, self._evaluator, self._tools = config, R, evaluator, tools
        self._trained = [table.question.hash for tables in trained.values() for table in tables]
        self._tasks = {**trained, **tools.tasks}
        self._tables = {table.question.hash: table for tables in self._tasks.values() for table in tables}
        self._uses = Uses(evaluator.book)

    # What is shown

    @property
    def tasks(self) -> tuple[str, ...]:
        """See `Workbench`."""
        return tuple(self._tasks)

    def questions(self, task: str) -> tuple[TrainingQuestion, ...]:
        """See `Workbench`."""
        if task not in self._tasks:
            raise ResearcherError(
                f"{task!r} is no training task that this search shows its researcher; it shows {', '.join(self._tasks)}"
            )
        return tuple(self._shown(table) for table in self._tasks[task])

    def _shown(self, table: Table) -> TrainingQuestion:
        """Return a copy of all that a table holds: what a researcher does to it changes no truth."""
        decode = self._tools.target.decode
        return TrainingQuestion(
            question=table.question,
            texts=tuple(decode(run.tokens) for run in table.question.runs),
            values=table.values.copy(),
            answer=np.array(table.answer),
            prices=PriceSheet.from_arrays({name: array.copy() for name, array in table.prices.to_arrays().items()}),
            trained=table.question.hash in self._trained,
        )

    @property
    def target(self) -> TargetView:
        """See `Workbench`."""
        return self._tools.target

    @property
    def folder(self) -> Path | None:
        """See `Workbench`."""
        return self._tools.folder

    # What is tried

    def check(self, source: str, name: str = "method") -> Check:
        """See `Workbench`."""
        method = Proposal(source, name)
        check = self._uses.use("check", method, {}, lambda: self._checked(method))
        assert isinstance(check, Check)
        return check

    def _checked(self, method: Proposal) -> Done:
        if self.checks_left < 1:
            raise BudgetSpentError(
                f"the {self._config.workbench.checks} checks of this search are spent; propose without, or begin a "
                "search with more (`workbench`: `checks` in its settings)"
            )
        return Done(self._tools.check(method.source, method.name))

    def score(
        self,
        source: str,
        questions: Sequence[str] | None = None,
        *,
        name: str = "method",
        parts: Sequence[Part] = (),
        max_flops: int | None = None,
        max_seconds: float | None = None,
    ) -> Trained:
        """See `Workbench`."""
        method = Proposal(source, name, parts=tuple(parts))
        asked = list(dict.fromkeys(self._trained if questions is None else questions))
        unknown = [question for question in asked if question not in self._tables]
        if unknown or not asked:
            raise ResearcherError(
                f"a method is scored on training questions that the workbench shows, named by their hashes; "
                f"{unknown[0]!r:.80} is none of them"
                if unknown
                else "a method is scored on one question at least"
            )
        request = {"questions": asked, "max_flops": max_flops}
        # seconds are no part of the request: they may be what is left of something, which is measured
        trained = self._uses.use("score", method, request, lambda: self._scored(method, request, max_seconds))
        assert isinstance(trained, Trained)
        return trained

    def _scored(self, method: Proposal, request: Mapping[str, Any], max_seconds: float | None) -> Done:
        scored = self._scored_on(method.hash)
        asked = [self._tables[question] for question in request["questions"]]
        new = sum(table.question.hash not in scored for table in asked)
        if new > self.questions_left:
            raise BudgetSpentError(
                f"scoring {method.name!r} takes {new} questions, and of the {self._config.workbench.questions} of this "
                f"search {self.questions_left} are left; score it on fewer, or begin a search with more (`workbench`: "
                "`questions` in its settings)"
            )
        answered, error = self._answers(method, asked, request["max_flops"], max_seconds)
        exchange = coins(self._config, method.hash)
        outcome = Trained(
            reward=None if error else self._reward(answered, exchange),
            questions=by_question(self._R, answered, exchange),
            error=error,
        )
        charged = [each for each in answered if each.table.question.hash not in scored]
        flops = sum(each.interp.spending.flops for each in charged)
        return Done(outcome, len(charged), flops)

    def _answers(
        self, method: Proposal, asked: Sequence[Table], max_flops: int | None, max_seconds: float | None
    ) -> tuple[list[Answered], str]:
        """Return the questions that a method was asked, task by task, and why it failed, empty if it did not."""
        faults = check_source(method.source)
        if faults:
            return [], str(FenceError(method.name, faults))
        end = math.inf if max_seconds is None else time.monotonic() + max_seconds
        answered: list[Answered] = []
        tasks: dict[str, list[Table]] = {}
        for table in asked:
            tasks.setdefault(table.question.task, []).append(table)
        try:
            self._evaluator.interpret(method)
        except MethodError as failure:
            return [], str(failure)
        for tables, evaluations in zip(
            tasks.values(), self._evaluator.unwritten(method, list(tasks.values())), strict=False
        ):
            answered += [
                Answered(table, self._evaluator.baseline(table), evaluation)
                for table, evaluation in zip(tables, evaluations, strict=False)
            ]
            last = answered[-1]
            if last.interp.status != "ok":
                question = last.table.question
                return answered, f"{question.task}, question {question.index}: {last.interp.reason}"
            if max_flops is not None and sum(each.interp.spending.flops for each in answered) >= max_flops:
                break
            if time.monotonic() >= end:
                break
        return answered, ""

    def _reward(self, answered: Sequence[Answered], exchange: Seed | None) -> float:
        baseline = [curve for each in answered for curve in each.baseline.curves]
        interp = [curve for each in answered for curve in each.interp.curves]
        if exchange is not None:
            baseline, interp = exchange_arms(baseline, interp, exchange)
        return self._R.reward(baseline, interp)

    # What is counted

    @property
    def uses(self) -> tuple[Use, ...]:
        """See `Workbench`."""
        return self._uses.shown()

    @property
    def records(self) -> Sequence[UseRecord]:
        """The uses so far as they are written."""
        return self._uses.past

    @property
    def checks_left(self) -> int:
        """See `Workbench`."""
        return self._config.workbench.checks - sum(record.kind == "check" for record in self._uses.past)

    @property
    def questions_left(self) -> int:
        """See `Workbench`."""
        return self._config.workbench.questions - sum(record.questions for record in self._uses.past)

    def _scored_on(self, method: str) -> set[str]:
        """Return the questions that a method was scored on."""
        uses = [record for record in self._uses.past if record.kind == "score" and record.method == method]
        return {each["question"] for record in uses for each in record.outcome["questions"]}

    def within(self, phase: Phase, iteration: int = 0) -> AbstractContextManager[None]:
        """Let the researcher use the workbench until the block ends."""
        return self._uses.within(phase, iteration)

    def remember(self, iteration: int) -> None:
        """Pass by the uses that were made for a proposal that is remembered."""
        self._uses.remember(iteration)
