"""The workbench of a search: shows its training questions, and keeps count of what its researcher tries on them.

The ledger holds every use with what came of it, in their order. A search that goes on reads them from the beginning:
where the researcher asks the same again it is answered from there, and what it asked for a proposal that it only
remembers is behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from istar.errors import IstarError
from istar.flops import PriceSheet
from istar.ledger import UseRecord
from istar.methods.contract import MethodError
from istar.methods.fence import FenceError, check_source
from istar.protocol.evaluator import Evaluator
from istar.protocol.shuffled_control import coins, exchange_arms
from istar.protocol.telling import Answered, by_question
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
from istar.researchers.workbench import check_from_json, trained_from_json
from istar.seeds import Seed
from istar.tasks.family import check_rewardable

if TYPE_CHECKING:
    from istar.ledger.schema import Json
    from istar.methods.side_by_side import Part
    from istar.protocol.config import SearchConfig
    from istar.rewards.formulas import Reward
    from istar.truth.table import Table


Phase = Literal["begin", "propose", "update"]
"""When a researcher may use its workbench."""


class HeldOutError(IstarError):
    """A question that is not of training was about to be shown to a researcher."""


class DifferentUseError(ResearcherError):
    """A researcher that asks its workbench something else than it did before its search was killed."""


@dataclass(frozen=True)
class Tools:
    """What the workbench of a search is made of.

    Attributes:
        target: the target, to be read.
        check: checks the source of a method, given its name.
        tasks: all stored questions of the training tasks that are shown, by task.
    """

    target: TargetView
    check: Callable[[str, str], Check]
    tasks: Mapping[str, Sequence[Table]]


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
        self._filed = evaluator.book.uses()
        self._passed = 0
        self._phase: tuple[str, int] | None = None

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

    # What is tried

    def check(self, source: str, name: str = "method") -> Check:
        """See `Workbench`."""
        method = Proposal(source, name)
        check = self._use("check", method, {}, lambda: self._checked(method))
        assert isinstance(check, Check)
        return check

    def _checked(self, method: Proposal) -> UseRecord:
        if self.checks_left < 1:
            raise BudgetSpentError(
                f"the {self._config.workbench.checks} checks of this search are spent; propose without, or begin a "
                "search with more (`workbench`: `checks` in its settings)"
            )
        return self._record("check", method, {}, self._tools.check(method.source, method.name).to_json())

    def score(
        self,
        source: str,
        questions: Sequence[str] | None = None,
        *,
        name: str = "method",
        parts: Sequence[Part] = (),
        max_flops: int | None = None,
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
        trained = self._use("score", method, request, lambda: self._scored(method, request))
        assert isinstance(trained, Trained)
        return trained

    def _scored(self, method: Proposal, request: Mapping[str, Any]) -> UseRecord:
        scored = self._scored_on(method.hash)
        asked = [self._tables[question] for question in request["questions"]]
        new = sum(table.question.hash not in scored for table in asked)
        if new > self.questions_left:
            raise BudgetSpentError(
                f"scoring {method.name!r} takes {new} questions, and of the {self._config.workbench.questions} of this "
                f"search {self.questions_left} are left; score it on fewer, or begin a search with more (`workbench`: "
                "`questions` in its settings)"
            )
        answered, error = self._answers(method, asked, request["max_flops"])
        exchange = coins(self._config, method.hash)
        outcome = Trained(
            reward=None if error else self._reward(answered, exchange),
            questions=by_question(self._R, answered, exchange),
            error=error,
        )
        charged = [each for each in answered if each.table.question.hash not in scored]
        flops = sum(each.interp.spending.flops for each in charged)
        return self._record("score", method, request, outcome.to_json(), len(charged), flops)

    def _answers(self, method: Proposal, asked: Sequence[Table], max_flops: int | None) -> tuple[list[Answered], str]:
        """Return the questions that a method was asked, task by task, and why it failed, empty if it did not."""
        faults = check_source(method.source)
        if faults:
            return [], str(FenceError(method.name, faults))
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
        return answered, ""

    def _reward(self, answered: Sequence[Answered], exchange: Seed | None) -> float:
        baseline = [curve for each in answered for curve in each.baseline.curves]
        interp = [curve for each in answered for curve in each.interp.curves]
        if exchange is not None:
            baseline, interp = exchange_arms(baseline, interp, exchange)
        return self._R.reward(baseline, interp)

    # What is counted

    @cached_property
    def _known_uses(self) -> dict[int, Use]:
        return {}

    @property
    def uses(self) -> tuple[Use, ...]:
        """See `Workbench`."""
        return tuple(self._as_use(record) for record in self._past)

    def _as_use(self, record: UseRecord) -> Use:
        if record.number not in self._known_uses:
            self._known_uses[record.number] = Use(
                kind="check" if record.kind == "check" else "score",
                source=self._evaluator.book.source(record.method),
                name=record.name,
                outcome=_outcome(record),
                questions=record.questions,
                flops=record.flops,
            )
        return self._known_uses[record.number]

    @property
    def _past(self) -> Sequence[UseRecord]:
        return self._filed[: self._passed]

    @property
    def checks_left(self) -> int:
        """See `Workbench`."""
        return self._config.workbench.checks - sum(record.kind == "check" for record in self._past)

    @property
    def questions_left(self) -> int:
        """See `Workbench`."""
        return self._config.workbench.questions - sum(record.questions for record in self._past)

    def _scored_on(self, method: str) -> set[str]:
        """Return the questions that a method was scored on."""
        uses = [record for record in self._past if record.kind == "score" and record.method == method]
        return {each["question"] for record in uses for each in record.outcome["questions"]}

    # How uses are found again

    @contextmanager
    def within(self, phase: Phase, iteration: int = 0) -> Iterator[None]:
        """Let the researcher use the workbench until the block ends; what it asks at other times is not found again."""
        self._phase = (phase, iteration)
        try:
            yield
        finally:
            self._phase = None

    def remember(self, iteration: int) -> None:
        """Pass by the uses that were made for a proposal that is remembered."""
        while self._passed < len(self._filed) and _phase(self._filed[self._passed]) == ("propose", iteration):
            self._passed += 1

    def _use(
        self, kind: str, method: Proposal, request: Mapping[str, Any], make: Callable[[], UseRecord]
    ) -> Check | Trained:
        """Return what comes of a use, from the book if it was made before."""
        if self._phase is None:
            raise ResearcherError("the workbench answers within `begin`, `propose` and `update`, and not beside them")
        if self._passed < len(self._filed):
            known = self._filed[self._passed]
            now = (self._phase, kind, method.hash, dict(request))
            if (_phase(known), known.kind, known.method, known.request) != now:
                raise DifferentUseError(
                    f"before this search was killed its researcher asked the workbench for a {known.kind} of "
                    f"{known.name!r} ({' '.join(map(str, _phase(known)))}), and now for a {kind} of {method.name!r} "
                    f"({' '.join(map(str, self._phase))}); what it asks may depend on nothing but the proposals, the "
                    "feedback, the seed and the workbench's answers"
                )
        else:
            known = make()
            self._evaluator.book.add_use(known, method.source)
            self._filed.append(known)
        self._passed += 1
        return _outcome(known)

    def _record(
        self, kind: str, method: Proposal, request: Mapping[str, Any], outcome: Json, questions: int = 0, flops: int = 0
    ) -> UseRecord:
        assert self._phase is not None
        phase, iteration = self._phase
        number = len(self._filed)
        return UseRecord(
            number, phase, iteration, kind, method.hash, method.name, dict(request), outcome, questions, flops
        )


def _phase(record: UseRecord) -> tuple[str, int]:
    return record.phase, record.iteration


def _outcome(record: UseRecord) -> Check | Trained:
    return check_from_json(record.outcome) if record.kind == "check" else trained_from_json(record.outcome)
