"""A method's session on the real target: what it learns and says is recorded in a jail, or found on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from istar.arms.base import Evaluation
from istar.arms.putting_together import kept_side_by_side, outcomes_side_by_side
from istar.arms.settings import Caps
from istar.arms.stores import RECORDINGS, KeptRecording, RecordingKey
from istar.arms.streams import QuestionShelf
from istar.executors.interpreted import InterpretationReader, summary_of
from istar.flops.rulebook import RULEBOOK
from istar.ledger import BatchSpending, InterpretationRecord, Spending
from istar.methods.contract import MethodError
from istar.methods.filing import filed_under
from istar.methods.length import digits_needed, interpretation_bits, rounded, text_bits
from istar.methods.loading import source_hash
from istar.questions import nested_batches
from istar.rewards.curves import MethodFacts
from istar.sandbox import INTERPRETATIONS, InterpretationKey, Worker, WorkerLostError
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.arms.sandboxed import SandboxArms
    from istar.methods.contract import Interpretation
    from istar.methods.recording import Recording
    from istar.methods.side_by_side import Part
    from istar.sandbox import InterpretOutcome, WorkerRecording
    from istar.truth import Table

Answered = TypeVar("Answered")
PROBED_ROWS = 64
"""On so many rows, or some more, is tried how many digits of an interpretation its channels need."""

_log = logging.getLogger(__name__)


class SandboxSession:
    """A method on the target; see `Session`.

    What a file of several methods side by side learns and says is put together from its parts, each of which is run, or
    found, as a method of its own (`istar.methods.side_by_side`).

    Args:
        arms: where it belongs.
        source: the method's source.
        name: for messages.
        parts: the methods that the source puts side by side.
    """

    def __init__(self, arms: SandboxArms, source: str, name: str, parts: Sequence[Part] = ()) -> None:
        """See the class docstring."""
        self.arms, self.source, self.name = arms, source, name
        self.method = source_hash(source)
        self._parts = [SandboxSession(arms, part.source, f"{name}, part {slot}") for slot, part in enumerate(parts, 1)]
        self._outcome: InterpretOutcome | None = None
        self._appraisals: dict[str, Any] = {}
        self._tried_again: set[str] = set()
        self._remarked: set[str] = set()
        self._failed: dict[str, MethodError] = {}

    def interpretation(self) -> InterpretOutcome:
        """Return the interpretation, from the store or made now.

        Raises:
            MethodError: the method's `interpret` failed.
        """
        if self._outcome is None:
            arms = self.arms
            key = InterpretationKey(*arms.interpretation_key(self._filed), seed=arms.config.environment_seed)
            self._outcome = arms.store.get(INTERPRETATIONS, vars(key))
            if self._outcome is None and self._parts:
                self._outcome = outcomes_side_by_side([part.interpretation() for part in self._parts])
            elif self._outcome is None:
                self._outcome = self._with_worker(lambda worker: worker.interpret(arms.corpus, key.seed))
                arms.store.put(INTERPRETATIONS, vars(key), self._outcome)
        return self._outcome

    def _with_worker(self, ask: Callable[[Worker], Answered]) -> Answered:
        """Return what a worker answers; one that is lost, killed by somebody else, is replaced once."""
        try:
            with self.arms.worker(self.source, self.name) as worker:
                return ask(worker)
        except WorkerLostError:
            with self.arms.worker(self.source, self.name) as worker:
                return ask(worker)

    def interpret(self) -> InterpretationRecord:
        """See `Session`."""
        outcome = self.interpretation()
        return InterpretationRecord(
            *self.arms.interpretation_key(self.method),
            flops=outcome.reading.flops,
            bytes=outcome.bytes,
            sha256=outcome.interpretation.hash,
            by_op=dict(outcome.reading.by_op),
            by_region=dict(outcome.reading.by_region),
            seconds=outcome.seconds,
        )

    def evaluate(self, table: Table, others: Sequence[Table] = ()) -> Evaluation:
        """See `Session`."""
        spending = Spending()
        try:
            kept = self._explained(table)
            spending = _spending(kept)
            silent = kept.recording.channels == 0
            if silent:  # then what it said of other questions is of no use either
                others = ()
            heard = {other.question.hash: self._explained(other).recording for other in others}
        except _VoidError as failure:
            return Evaluation((), failure.spending, "void", str(failure))
        except MethodError as failure:
            return Evaluation((), spending, "error", str(failure))
        key = (
            *(self._key(each).name for each in (table, *others)),
            *(str(part) for other in others for part in self.arms.replay_key(other)),
        )
        curves = self.arms.white_box(table, kept.recording, key, partial(self._learned, table, others, heard))
        facts = self._facts(kept.recording)
        return Evaluation(tuple(replace(curve, method=facts) for curve in curves), spending, silent=silent)

    @cached_property
    def _filed(self) -> str:
        return filed_under(self.source)

    def _facts(self, recording: Recording) -> MethodFacts:
        outcome = self.interpretation()
        return MethodFacts(
            interpretation_hash=outcome.interpretation.hash,
            interpretation_bytes=outcome.bytes,
            interpretation_flops=outcome.reading.flops,
            channels=recording.channels,
            batches=len(recording.batches),
            flops=recording.total_flops,
            source_bits=text_bits(self.source),
            interpretation_bits=self._interpretation_bits,
        )

    @cached_property
    def _interpretation_bits(self) -> int:
        """The length of the interpretation, at the digits that channels need on the first rows of the probe."""
        interpretation, probe = self.interpretation().interpretation, self.arms.probe
        if interpretation.tensors and probe is not None:
            try:
                digits = self._with_worker(
                    lambda worker: digits_needed(interpretation, partial(self._probed, worker, probe))
                )
            except MethodError:  # it fails there as it is; then all of its digits count
                digits = None
            interpretation = interpretation if digits is None else rounded(interpretation, digits)
        return interpretation_bits(interpretation)

    def _probed(self, worker: Worker, table: Table, interpretation: Interpretation) -> Recording:
        """Return what the method says of the first rows of a question with another interpretation in its place."""
        question, seed = table.question, self.arms.config.environment_seed
        batches = nested_batches(question.structure, Seed.root(seed).split(question.hash))
        enough = int(np.searchsorted(np.cumsum([len(each) for each in batches]), PROBED_ROWS)) + 1
        return worker.record(
            *(question.view, question.hash, batches[:enough], interpretation),
            max_flops=self._most_flops(table),
            seed=seed,
            brute_flops=table.brute_flops,
        )

    def _learned(self, table: Table, others: Sequence[Table], heard: Mapping[str, Recording]) -> Any:
        """Return what the executor knows of a question's task and of the method, from what it said of others."""
        arms = self.arms
        for other in others:
            question = other.question.hash
            if question not in self._appraisals:
                self._appraisals[question] = arms.appraisal(other, heard[question])
        appraisals = {question: self._appraisals[question] for question in heard}
        executor = arms.executor()
        state = executor.learn(arms.history(table, heard, appraisals)) if heard else arms.state(table)
        if isinstance(executor, InterpretationReader):
            summary = summary_of(self.interpretation().interpretation.data)
            return executor.read(state, summary) if summary else state
        return state

    def _explained(self, table: Table) -> KeptRecording:
        """Return what the method says about a question, if its processor time is explained.

        A recording whose time is not explained is made once more before it is judged: what else a machine does can slow
        a processor down for a while, and what it gives and costs is the same each time.

        Raises:
            MethodError: the method failed, or its processor time is not explained.
        """
        kept = self.record(table)
        question = table.question.hash
        if kept.witness.void and question not in self._tried_again:
            self._tried_again.add(question)
            kept = self.record(table, again=True)
        witness = kept.witness
        if witness.void:
            raise _VoidError(
                f"{witness.unexplained_seconds:.1f} seconds of processor time on question {table.question.index} of "
                f"{table.question.task} are not explained by what was metered, more than the {witness.allowed:.1f} "
                f"that may be: {witness.words}",
                _spending(kept),
            )
        if question not in self._remarked:
            self._remarked.add(question)
            for remark in _remarks(kept):
                _log.warning("%s on question %d of %s %s", self.name, table.question.index, table.question.task, remark)
        return kept

    def record(self, table: Table, *, again: bool = False) -> KeptRecording:
        """Return what the method says about a question, from the store or run now.

        Args:
            table: the question.
            again: whether to run it though it is in the store, and to put this one in its place.

        Raises:
            MethodError: the method failed.
        """
        store, key = self.arms.store, self._key(table).facts
        kept = None if again else store.get(RECORDINGS, key)
        if kept is None and not again:
            kept = self._put_together(table)
            if kept is not None:
                store.put(RECORDINGS, key, kept)
        if kept is None:
            question = table.question.hash
            if question in self._failed and not again:
                raise self._failed[question]
            interpretation = self.interpretation().content
            try:
                recording = self._with_worker(lambda worker: self._recorded(worker, table, interpretation))
            except MethodError as failure:  # which it meets each time it is asked; once is enough
                self._failed[question] = failure
                raise
            kept = KeptRecording(recording, recording.witness, recording.tier)
            store.put(RECORDINGS, key, kept)
        return kept

    def _put_together(self, table: Table) -> KeptRecording | None:
        """Return the recording of parts side by side; None if there are none, or if theirs do not tell what it is."""
        if not self._parts:
            return None
        return kept_side_by_side(
            self.method,
            [part._explained(table) for part in self._parts],
            rows=len(table.question.runs),
            max_flops=self._most_flops(table),
            max_rows_fraction=self.arms.config.caps.rows_fraction,
        )

    def _most_flops(self, table: Table) -> int:
        return int(self.arms.config.caps.flops_fraction * table.brute_flops)

    def _recorded(self, worker: Worker, table: Table, interpretation: bytes) -> WorkerRecording:
        arms, question = self.arms, table.question
        caps: Caps = arms.config.caps
        batches = nested_batches(question.structure, Seed.root(arms.config.environment_seed).split(question.hash))
        shelf = QuestionShelf(arms.store, batches, arms.streams_key(table))
        recording = worker.record(
            question.view,
            question.hash,
            batches,
            interpretation,
            max_flops=self._most_flops(table),
            max_rows_fraction=caps.rows_fraction,
            seed=arms.config.environment_seed,
            brute_flops=table.brute_flops,
            shelf=shelf,
        )
        shelf.restock(partial(arms.standard_run, worker.jail, question.view))
        return recording

    def _key(self, table: Table) -> RecordingKey:
        arms, config = self.arms, self.arms.config
        return RecordingKey(
            self._filed,
            table.question.hash,
            arms.target.id,
            arms.corpus.hash,
            RULEBOOK.version,
            config.environment_seed,
            config.caps,
        )


def _remarks(kept: KeptRecording) -> Iterator[str]:
    """Yield what somebody who reads the figures of a recording should know of it: that it was cut, or is suspected."""
    recording, witness = kept.recording, kept.witness
    if not recording.complete and not recording.batches and witness.kinds:
        kind, use = max(witness.kinds.items(), key=lambda each: each[1].flops)
        share = use.flops / max(1, sum(each.flops for each in witness.kinds.values()))
        yield (
            f"was cut off at {recording.total_flops} FLOPs before it said anything; {share:.0%} of what it computed "
            f"were {kind} operations"
        )
    if witness.suspected:
        yield (
            f"is suspected: {witness.unexplained_seconds:.1f} of the {witness.allowed:.1f} seconds of processor time "
            f"that may be unexplained are, {witness.words}"
        )


class _VoidError(MethodError):
    """A recording whose processor time is not explained."""

    def __init__(self, message: str, spending: Spending) -> None:
        super().__init__(message)
        self.spending = spending


def _spending(kept: KeptRecording) -> Spending:
    recording = kept.recording
    return Spending(
        prepare_flops=recording.prepare_flops,
        flops=recording.total_flops,
        matmul_flops=recording.matmul_flops,
        rows=sum(len(batch.rows) for batch in recording.batches),
        by_op=dict(recording.by_op),
        by_region=dict(recording.by_region),
        cpu_seconds=kept.witness.cpu_seconds,
        unexplained_cpu_seconds=kept.witness.unexplained_seconds,
        seconds=recording.seconds,
        batches=tuple(BatchSpending(batch.flops, batch.by_op) for batch in recording.batches),
    )
