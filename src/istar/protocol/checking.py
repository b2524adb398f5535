"""Checking a researcher's method: the fence, then the tiny target in a jail, since nobody has read the method yet.

What `istar check` runs in its own process for the author of a file is run here as every untrusted method is.
"""

from __future__ import annotations

from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from istar.flops.meter import Meter
from istar.methods.check_questions import sample_questions
from istar.methods.contract import MethodError
from istar.methods.fence import check_source
from istar.questions import nested_batches
from istar.researchers import Check, QuestionCheck
from istar.sandbox import Jail, Limits, TargetSpec, Worker, WorkerLostError, choose_tier
from istar.seeds import Seed
from istar.targets import build_corpus, load_target

if TYPE_CHECKING:
    from istar.arms.settings import ArmSettings
    from istar.questions import QuestionView
    from istar.sandbox import InterpretOutcome
    from istar.targets import Target

TINY = "tiny-random"
SECONDS = 60.0
"""Wall-clock seconds of `interpret`, and of one question, after which a method is stopped."""


class JailedCheck:
    """Checks methods in a jail of its own, which starts with the first. A context manager: the jail ends with it.

    Args:
        settings: the tier of isolation and the threads are those of the search.
    """

    def __init__(self, settings: ArmSettings) -> None:
        """See the class docstring."""
        self._settings = settings
        self._jail: Jail | None = None

    def __enter__(self) -> Self:
        """Return the check itself; nothing is started."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the jail, if one was started."""
        if self._jail is not None:
            self._jail.stop()

    def __call__(self, source: str, name: str) -> Check:
        """Check a method."""
        faults = check_source(source)
        if faults:
            return Check(faults=tuple(str(fault) for fault in faults))
        try:
            return self._run(source, name)
        except WorkerLostError:  # killed by somebody else
            return self._run(source, name)

    def _run(self, source: str, name: str) -> Check:
        if self._jail is None:
            limits = Limits(threads=self._settings.threads, interpret_seconds=SECONDS, record_seconds=SECONDS)
            self._jail = Jail(TargetSpec.of(self._tiny), choose_tier(self._settings.unsafe), limits)
        with Worker(source, self._jail.target, name=name, jail=self._jail) as worker:
            try:
                learned = worker.interpret(build_corpus(self._tiny, sequences=8, length=48))
            except MethodError as error:
                return Check(error=str(error))
            questions = tuple(self._asked(worker, kind, learned) for kind in self._questions)
            return Check(interpret_flops=learned.reading.flops, interpretation_bytes=learned.bytes, questions=questions)

    def _asked(self, worker: Worker, kind: str, learned: InterpretOutcome) -> QuestionCheck:
        question = self._questions[kind]
        batches = nested_batches(question.structure, Seed.root(0))
        exact = self._exact_flops[kind]
        try:
            recording = worker.record(question, kind, batches, learned.content)
        except MethodError as error:
            return QuestionCheck(kind, len(question.runs), exact_flops=exact, error=str(error))
        return QuestionCheck(
            question=kind,
            runs=len(question.runs),
            channels=recording.channels,
            prepare_flops=recording.prepare_flops,
            predict_flops=recording.total_flops - recording.prepare_flops,
            exact_flops=exact,
        )

    @cached_property
    def _tiny(self) -> Target:
        return load_target(TINY)

    @cached_property
    def _questions(self) -> dict[str, QuestionView]:
        return sample_questions(self._tiny)

    @cached_property
    def _exact_flops(self) -> dict[str, int]:
        exact = {}
        for kind, question in self._questions.items():
            with Meter() as meter:
                self._tiny.values(question.runs)
            exact[kind] = meter.flops
        return exact
