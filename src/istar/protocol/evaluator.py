"""The two settings that the document compares, evaluated for a search: read from the book, or done and written there.

What is not in the book is asked of the method as jobs, one a task, which are mapped (`istar.arms.jobs`). The book is
written here alone, in the order of the tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from istar.arms.base import Arms, Evaluation
from istar.arms.jobs import ElsewhereError, Job, JobMap, JobResult, Work
from istar.ledger import InterpretationRecord
from istar.ledger.schema import Stage
from istar.methods.contract import MethodError
from istar.protocol.book import Book
from istar.protocol.shuffled_control import exchange_arms
from istar.protocol.telling import Answered
from istar.researchers import Proposal

if TYPE_CHECKING:
    from istar.rewards.curves import Curve
    from istar.seeds import Seed
    from istar.truth.table import Table

Result = TypeVar("Result")


class MethodFailedError(MethodError):
    """A method that failed on a question."""


class Evaluator:
    """Evaluates questions without and with a method.

    Args:
        book: what was done, and where what is done is written.
        arms: the two settings.
        work: does jobs.
        map_jobs: maps `work` over jobs.
    """

    def __init__(self, book: Book, arms: Arms, work: Work, map_jobs: JobMap) -> None:
        """See the class docstring."""
        self.book, self.arms = book, arms
        self.work, self.map_jobs = work, map_jobs

    def interpret(self, method: Proposal) -> InterpretationRecord:
        """Let a method learn from the target, and return what that cost.

        Raises:
            MethodError: it failed.
        """

        def learn() -> InterpretationRecord:
            result = _next(self.results([_job(method)]))
            if result.interpretation is None:
                raise MethodError(result.failure)
            return result.interpretation

        return self.book.interpret(self.arms.interpretation_key(method.hash), learn)

    def baseline(self, x: Table) -> Evaluation:
        """Return the baseline setting's evaluation of a question."""
        return self.book.baseline(self.arms, x)

    def interp(self, stage: Stage, method: Proposal, tasks: Sequence[Sequence[Table]]) -> Iterator[list[Evaluation]]:
        """Yield the auto-interp setting's evaluations of each task's questions, as far as they are asked for.

        Raises:
            MethodFailedError: the method failed on a question; what came before it is written.
        """
        known = self.book.evaluations(stage, method.hash)
        # what the screen found stands where the executor knows no more of the method than it did there
        screened = {} if stage == "screen" else self.book.evaluations("screen", method.hash)
        found = [
            _to_failure(
                known.get(x.question.hash) or (screened.get(x.question.hash) if len(t) == 1 else None) for x in t
            )
            for t in tasks
        ]
        results = self.results(_left(method, tasks, found))
        for t, there in zip(tasks, found, strict=True):
            made = iter(_next(results).evaluations if None in there else ())
            evaluations = []
            for x, evaluation in zip(t, there, strict=False):
                answered = evaluation or _next(made)
                if x.question.hash not in known:
                    answered = self.book.write(stage, method.hash, x, answered)
                if answered.status != "ok":
                    raise MethodFailedError(f"{x.question.task}, question {x.question.index}: {answered.reason}")
                evaluations.append(answered)
            yield evaluations

    def curves(
        self, stage: Stage, method: Proposal, tasks: Sequence[Sequence[Table]], coins: Seed | None = None
    ) -> tuple[list[Curve], list[Curve]]:
        """Return the curves of both settings on the questions of a stage: baseline, auto-interp.

        Args:
            stage: the stage.
            method: the method.
            tasks: the questions of each task.
            coins: decide in a shuffled control which setting is which; None where none is.

        Raises:
            MethodFailedError: the method failed on a question; what came before it is written.
        """
        baseline: list[Curve] = []
        interp: list[Curve] = []
        for t, evaluations in zip(tasks, self.interp(stage, method, tasks), strict=True):
            baseline += [curve for x in t for curve in self.baseline(x).curves]
            interp += [curve for evaluation in evaluations for curve in evaluation.curves]
        return (baseline, interp) if coins is None else exchange_arms(baseline, interp, coins)

    def unwritten(self, method: Proposal, tasks: Sequence[Sequence[Table]]) -> Iterator[tuple[Evaluation, ...]]:
        """Yield the auto-interp setting's evaluations of each task's questions, up to one that failed; write none."""
        for result in self.results(_job(method, t, t) for t in tasks):
            yield result.evaluations

    def answered(self, stage: Stage, method: Proposal, tasks: Sequence[Sequence[Table]]) -> list[Answered]:
        """Return the questions of a stage that a method was asked, as the book holds them."""
        found = self.book.evaluations(stage, method.hash)
        asked = [x for t in tasks for x in t if x.question.hash in found]
        return [Answered(x, self.baseline(x), found[x.question.hash]) for x in asked]

    def results(self, jobs: Iterable[Job]) -> Iterator[JobResult]:
        """Return the results of jobs in their order, each when it is taken or before."""
        return iter(self.map_jobs(self.work, jobs))


def _job(method: Proposal, unknown: Sequence[Table] = (), t: Sequence[Table] = ()) -> Job:
    asked = tuple(x.question.hash for x in unknown)
    return Job(method.source, method.name, asked, tuple(x.question.hash for x in t), method.parts)


def _to_failure(found: Iterable[Evaluation | None]) -> list[Evaluation | None]:
    """Return evaluations up to the first that failed, behind which nothing is asked."""
    kept: list[Evaluation | None] = []
    for evaluation in found:
        kept.append(evaluation)
        if evaluation is not None and evaluation.status != "ok":
            break
    return kept


def _left(
    method: Proposal, tasks: Sequence[Sequence[Table]], found: Sequence[Sequence[Evaluation | None]]
) -> Iterator[Job]:
    """Yield what is left to ask of a method, task by task; nothing behind one on which it failed."""
    for t, there in zip(tasks, found, strict=True):
        unknown = [x for x, evaluation in zip(t, there, strict=False) if evaluation is None]
        if unknown:
            yield _job(method, unknown, t)
        if len(there) < len(t) or (there[-1] is not None and there[-1].status != "ok"):
            return


def _next(results: Iterator[Result]) -> Result:
    """Return the next result.

    Raises:
        ElsewhereError: there is none.
    """
    for result in results:
        return result
    raise ElsewhereError("what maps the jobs of a search gave fewer results than there are jobs; it must give one each")
