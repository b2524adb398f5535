"""One episode of research on methods: a statement, tools with a budget, and a reward for the method submitted.

An episode is a run in the ledger of its environment. A call is written before it is answered, and its answer with what
it took; what a check or a score found is a use of the run's workbench, and what was submitted its round. So an episode
that was killed is where it was when it is opened again: what was answered is not done again, and what was not is done
now. A call that takes long is a job that is polled; there is one at a time, so that the calls have an order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from istar.environments import reading
from istar.environments.budget import Budget, EpisodeError, Left
from istar.environments.submitting import Submission
from istar.environments.tools import (
    JOBS,
    Arguments,
    CheckMethod,
    LastScore,
    ReadDocs,
    ReadMethod,
    ReadQuestion,
    ScoreMethod,
    Submit,
    ToolError,
    parsed_call,
)
from istar.ledger import AnswerRecord, CallRecord
from istar.methods import manual
from istar.methods.library import library_methods
from istar.methods.loading import read_source
from istar.protocol.workbench import SearchWorkbench
from istar.researchers import Proposal, ResearcherError, Trained
from istar.researchers.workbench import check_from_json, trained_from_json
from istar.texts import storable

if TYPE_CHECKING:
    from istar.environments.environment import Environment
    from istar.ledger import UseRecord
    from istar.protocol.evaluator import Evaluator
    from istar.truth.table import Table

Status = Literal["done", "refused", "running"]


@dataclass(frozen=True)
class Reply:
    """What an agent is told of a call.

    Attributes:
        call: its number, by which it is polled.
        tool: the tool.
        status: `running` while it is a job that is not done; `refused` if nothing was done.
        result: JSON values; None unless it is done.
        error: why it was refused.
        left: what is left of the budget now.
    """

    call: int
    tool: str
    status: Status
    result: Any
    error: str
    left: Left

    def to_json(self) -> dict[str, Any]:
        """Return the reply as JSON values."""
        return {**vars(self), "left": self.left.model_dump()}


class Episode:
    """An episode; `Environment.reset` makes one.

    Args:
        environment: where it belongs.
        name: the run's name.
        rewarded: the questions that the reward asks, by task.
        budget: what its tools may spend.
        evaluator: evaluates methods, and holds the run's book.
        workbench: checks and scores.
        statement: what the agent is told at the beginning.

    Attributes:
        name: see above.
        statement: see above.
        budget: see above.
    """

    def __init__(
        self,
        environment: Environment,
        name: str,
        rewarded: Mapping[str, tuple[Table, ...]],
        budget: Budget,
        evaluator: Evaluator,
        workbench: SearchWorkbench,
        statement: str,
    ) -> None:
        """Take up what the ledger holds of it; a call that was not answered is worked on."""
        self.name, self.budget, self.statement = name, budget, statement
        self._environment, self._ledger = environment, environment.ledger
        self._workbench = workbench
        self._rewarded = {table.question.hash for tables in rewarded.values() for table in tables}
        self._submission = Submission(evaluator, environment.formula, rewarded, environment.config, environment.guard)
        self._lock = threading.Lock()
        self._job: Future[None] | None = None
        self._closed = False
        self._calls = list(self._ledger.calls(name))
        self._answers = {answer.number: answer for answer in self._ledger.answers(name)}
        for number in self._answers:
            workbench.remember(number)
        if len(self._answers) < len(self._calls):
            self._take_up(self._calls[-1])

    # What is asked

    def call(self, tool: str, arguments: Mapping[str, Any] | None = None) -> Reply:
        """Call a tool.

        Args:
            tool: its name, of `TOOLS`.
            arguments: what it is given.

        Raises:
            ToolError: there is no such tool, it takes other arguments, a job is running, or the episode is over;
                nothing was called then.
            EpisodeError: the episode was closed.
        """
        asked = parsed_call(tool, arguments or {})
        with self._lock:
            if self._closed:
                raise EpisodeError(f"the episode {self.name!r} is closed; reset its environment to it to go on with it")
            if len(self._answers) < len(self._calls):
                raise ToolError(f"call {len(self._calls) - 1} ({self._calls[-1].tool}) is not done; poll it first")
            if self.done:
                raise ToolError("a method was submitted, and the episode is over; reset the environment for another")
            source = getattr(asked, "source", None)
            method = None if source is None else Proposal(source, "method")
            call = CallRecord(len(self._calls), tool, asked.recorded(), None if method is None else method.hash)
            self._ledger.add_call(self.name, call, None if method is None else method.source)
            self._calls.append(call)
            self._take_up(call)
            return self._reply(call)

    def poll(self, call: int, seconds: float = 0.0) -> Reply:
        """Return what there is of a call.

        Args:
            call: its number.
            seconds: how long to wait for a job that is running.

        Raises:
            ToolError: there was no such call.
            EpisodeError: the job could not be done, through no fault of the method; the next poll tries again.
        """
        if not 0 <= call < len(self._calls):
            raise ToolError(f"there is no call {call} to poll; this episode has {len(self._calls)}, counted from 0")
        record = self._calls[call]
        job = self._job
        if call not in self._answers and job is not None and wait([job], seconds).done:
            self._failed(record, job)
        with self._lock:
            if call not in self._answers and self._job is None and not self._closed:
                self._take_up(record)
            return self._reply(record)

    def _failed(self, call: CallRecord, job: Future[None]) -> None:
        """Raise what a job that is over raised, if it did, so that the next poll tries again."""
        error = CancelledError() if job.cancelled() else job.exception()
        if error is None:
            return
        with self._lock:
            if self._job is job:
                self._job = None
        if not isinstance(error, Exception):
            raise error
        # its words may name files here, and whoever polls may be the agent
        raise EpisodeError(
            f"call {call.number} ({call.tool}) could not be done ({type(error).__name__}), through no fault of the "
            "method; nothing of it is charged, and polling tries again; whoever runs the environment finds the reason "
            "in what this error was raised from"
        ) from error

    # What there is

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return len(self._calls)

    @property
    def left(self) -> Left:
        """What is left of the budget."""
        spent = [(self._calls[number], answer) for number, answer in sorted(self._answers.items())]
        return Left(
            flops=self.budget.flops - sum(answer.flops for call, answer in spent if call.tool == "score"),
            seconds=self.budget.seconds - sum(answer.seconds for call, answer in spent if call.tool != "submit"),
            checks=self.budget.checks - sum(call.tool == "check" and not answer.error for call, answer in spent),
        )

    @property
    def done(self) -> bool:
        """Whether a method was submitted and rewarded."""
        return self._submission.outcome is not None

    @property
    def reward(self) -> float | None:
        """The reward of the method submitted; None before, and where it failed: then `poll` says why."""
        return self._submission.reward

    def transcript(self) -> list[tuple[CallRecord, Reply]]:
        """Return every call with its reply; what was read is read again."""
        with self._lock:
            return [(call, self._reply(call)) for call in self._calls]

    def close(self) -> None:
        """Let the episode rest, once a job that is running is done; a reset to its name goes on with it."""
        with self._lock:
            self._closed, job = True, self._job
        if job is not None and not job.cancel():
            job.exception()
        self._environment.forget(self)

    # How calls are answered

    def _take_up(self, call: CallRecord) -> None:
        """Answer a call, or begin to."""
        if call.tool in JOBS:
            self._job = self._environment.begin(lambda: self._answer(call))
        else:
            self._answer(call)

    def _answer(self, call: CallRecord) -> None:
        """Do what is asked, and write that it is done."""
        start = time.monotonic()
        error, flops = "", 0
        try:
            flops = self._done(call)
        except (ToolError, ResearcherError) as refusal:
            error = storable(str(refusal))
        seconds = 0.0 if error or call.tool not in JOBS else time.monotonic() - start
        answer = AnswerRecord(call.number, error, flops, seconds)
        self._ledger.add_answer(self.name, answer)
        self._answers[call.number] = answer

    def _done(self, call: CallRecord) -> int:
        """Do what a call asks, and return the FLOPs that are charged for it.

        Raises:
            ToolError: it is refused.
        """
        asked = self._asked(call)
        if isinstance(asked, Submit):
            return self._submission.make(Proposal(asked.source, asked.name))
        if not isinstance(asked, (CheckMethod, ScoreMethod)):
            self._read(call, asked)
            return 0
        left = self.left
        if refusal := left.refusal(call.tool):
            raise ToolError(refusal)
        with self._workbench.within("propose", call.number):
            if isinstance(asked, CheckMethod):
                self._workbench.check(asked.source)
                return 0
            self._workbench.score(
                asked.source,
                asked.questions,
                max_flops=min(asked.max_flops or left.flops, left.flops),
                max_seconds=min(asked.max_seconds or left.seconds, left.seconds),
            )
        use = self._use(call.number)
        return 0 if use is None else use.flops

    def _asked(self, call: CallRecord) -> Arguments:
        """Return what a call asks, its source read from the ledger."""
        source = {} if call.method is None else {"source": self._ledger.source(call.method)}
        return parsed_call(call.tool, {**call.arguments, **source})

    def _use(self, number: int) -> UseRecord | None:
        return next((use for use in self._workbench.records if use.iteration == number), None)

    def _reply(self, call: CallRecord) -> Reply:
        answer = self._answers.get(call.number)
        status: Status = "running" if answer is None else "refused" if answer.error else "done"
        error = "" if answer is None else answer.error
        return Reply(call.number, call.tool, status, self._result(call) if status == "done" else None, error, self.left)

    def _result(self, call: CallRecord) -> Any:
        """Return what came of a call, as the ledger has it or as it is read again."""
        if call.tool == "submit":
            return self._submission.told()
        use = self._use(call.number)
        if use is None:
            return self._read(call, self._asked(call))
        if call.tool == "check":
            check = check_from_json(use.outcome)
            return {"passed": check.passed, **check.to_json()}
        return reading.score_summary(trained_from_json(use.outcome), use.request["questions"])

    def _read(self, call: CallRecord, asked: Arguments) -> Any:
        """Return what a call reads.

        Raises:
            ToolError: it is not there.
        """
        environment = self._environment
        if isinstance(asked, ReadDocs):
            pages = manual.pages()
            if asked.page and asked.page not in pages:
                raise ToolError(f"there is no page {asked.page!r}; there are {', '.join(pages)}")
            return manual.page(asked.page) if asked.page else pages
        if isinstance(asked, ReadMethod):
            library = library_methods()
            if asked.name not in library:
                raise ToolError(f"the library has no method {asked.name!r}; `list_methods` lists those that it has")
            return read_source(library[asked.name])
        if isinstance(asked, ReadQuestion):
            table = environment.training.get(asked.question)
            if table is None:
                raise ToolError(f"{asked.question!r:.80} is no training question; `list_questions` lists these")
            if asked.first >= len(table.question.runs):
                raise ToolError(f"the question has {len(table.question.runs)} rows, counted from 0")
            rewarded = asked.question in self._rewarded
            return reading.question_rows(table, rewarded, asked.first, asked.rows, environment.decode)
        if isinstance(asked, LastScore):
            return self._last_score(call, asked.question)
        if call.tool == "list_questions":
            return reading.question_index(environment.tasks, self._rewarded)
        return dict(manual.method_index())

    def _last_score(self, call: CallRecord, question: str) -> Any:
        """Return what the last score before a call found."""
        scores = [use for use in self._workbench.records if use.kind == "score" and use.iteration < call.number]
        if not scores:
            raise ToolError("no method was scored in this episode yet; `score` one first")
        scored: Trained = trained_from_json(scores[-1].outcome)
        if not question:
            return {"method": scores[-1].method, **reading.score_summary(scored, scores[-1].request["questions"])}
        for each in scored.to_json()["questions"]:
            if each["question"] == question:
                return each
        raise ToolError(f"the last score did not ask {question!r:.80}; `last_score` without a question lists those")
