"""Work on a method as data that may travel: what is asked of it, and what came of it.

A search asks its methods by mapping a function over jobs. The function opens a session where it is called, in this
process or on another machine, and gives back plain data; whoever maps writes the ledger. So another place to run needs
no more than a function like Python's `map`: that of a process pool, a cluster's, or Ray's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from istar.arms.base import Arms, Evaluation
from istar.errors import IstarError
from istar.ledger import InterpretationRecord
from istar.methods.contract import MethodError

if TYPE_CHECKING:
    from istar.methods.side_by_side import Part
    from istar.truth.table import Table


class ElsewhereError(IstarError):
    """Something that went wrong where a job was done; its message says what."""


@dataclass(frozen=True)
class Job:
    """What is asked of a method.

    Attributes:
        source: the method's source.
        name: its name, for messages.
        questions: hashes of the questions of one task to evaluate, in this order; none to interpret the target alone.
        beside: hashes of all the task's questions that are asked of it, on which the executor learns what it is worth.
        parts: the methods that the source puts side by side.
    """

    source: str
    name: str
    questions: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class JobResult:
    """What came of a job.

    Attributes:
        interpretation: what `interpret` cost, where that was asked.
        evaluations: those of the questions, in order; the first that failed is the last.
        failure: why the method's `interpret` failed, empty if it did not.
    """

    interpretation: InterpretationRecord | None = None
    evaluations: tuple[Evaluation, ...] = ()
    failure: str = ""


Work = Callable[[Job], JobResult]
"""Does a job."""


class JobMap(Protocol):
    """What a search maps jobs with: Python's `map`, or one that calls the function elsewhere.

    Results are taken in the order of the jobs, and not all may be taken: what is not taken is not missed. `map` itself
    does a job when its result is taken; a pool's begins with all of them.
    """

    def __call__(self, work: Work, jobs: Iterable[Job], /) -> Iterable[JobResult]:
        """Return the results of the jobs in their order."""


@dataclass(frozen=True)
class Workplace:
    """Does jobs in this process.

    Attributes:
        arms: the two settings.
        tables: the questions that may be asked, by hash.
    """

    arms: Arms
    tables: Mapping[str, Table]

    def __call__(self, job: Job) -> JobResult:
        """Do a job."""
        with self.arms.session(job.source, job.name, job.parts) as session:
            if not job.questions:
                try:
                    return JobResult(interpretation=session.interpret())
                except MethodError as failure:
                    return JobResult(failure=str(failure))
            evaluations = []
            for question in job.questions:
                others = [self.tables[other] for other in job.beside if other != question]
                evaluations.append(session.evaluate(self.tables[question], others))
                if evaluations[-1].status != "ok":
                    break
            return JobResult(evaluations=tuple(evaluations))


_opened: dict[Callable[[], Workplace], Workplace] = {}
"""The workplaces that were opened in this process, by what opens them."""
_opening = Lock()


@dataclass(frozen=True)
class Elsewhere:
    """Does jobs in whichever process it is called, which opens a workplace of its own for the first and keeps it.

    Attributes:
        open: opens the workplace; equal ones open it once in a process. Like the jobs it is pickled to get there.
    """

    open: Callable[[], Workplace]

    def __call__(self, job: Job) -> JobResult:
        """Do a job.

        Raises:
            ElsewhereError: it could not be done, for a reason that is not the method's.
        """
        try:
            with _opening:
                if self.open not in _opened:
                    _opened[self.open] = self.open()
            return _opened[self.open](job)
        except IstarError as error:  # as one that every process can unpickle
            raise ElsewhereError(f"{type(error).__name__} where {job.name!r} was run: {error}") from None
