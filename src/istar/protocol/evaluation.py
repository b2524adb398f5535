"""The two settings on real methods: recordings in the sandbox, executors as replays.

A method runs once per question, in a jail, and leaves a recording; every executor seed of either arm is then a replay
that costs a fraction of a second. Recordings, interpretations and the black-box arm's curves are kept on disk and
shared by all searches.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from hashlib import sha256
from queue import Queue
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from jaxtyping import Int
from threadpoolctl import threadpool_limits

from istar import paths
from istar.executors import ChannelRecord, budget_checkpoints
from istar.executors.experience import experience_of
from istar.executors.hindsight import channel_record
from istar.files import check_writable, read_checked_json, sweep, write_checked_json
from istar.flops import CostModel, rows_by_op
from istar.flops.rulebook import RULEBOOK
from istar.ledger import BatchSpending, InterpretationRecord, QuestionRecord, Spending
from istar.methods.contract import MethodError
from istar.methods.loading import source_hash
from istar.methods.side_by_side import parts_of
from istar.protocol.arms import Evaluation, StoppedError
from istar.protocol.config import Caps, SearchConfig
from istar.protocol.fingerprint import fingerprint
from istar.protocol.putting_together import kept_side_by_side, outcomes_side_by_side
from istar.protocol.questions import TaskQuestions
from istar.protocol.replays import Replays
from istar.protocol.stores import CurveStore, KeptRecording, RecordingKey, RecordingStore
from istar.protocol.streams import MOST_BYTES_OF_A_BATCH, QuestionShelf, StreamStore
from istar.questions import QuestionView, build_trie, nested_batches
from istar.sandbox import (
    InterpretationKey,
    InterpretationStore,
    Jail,
    Limits,
    SandboxError,
    TargetSpec,
    Worker,
    WorkerLostError,
    choose_tier,
    compute_standard_run,
)
from istar.seeds import Seed
from istar.targets import setup_readings
from istar.targets.costs import cached_costs_by_op

if TYPE_CHECKING:
    from istar.methods.recording import Recording
    from istar.sandbox import InterpretOutcome, WorkerRecording
    from istar.targets import Corpus, Target
    from istar.targets.standard_runs import StandardRun
    from istar.truth import Table

_log = logging.getLogger(__name__)

Answered = TypeVar("Answered")

STREAM_PACKAGES = ("istar.targets", "istar.questions", "istar.flops")
"""The packages that decide what a standard run holds and costs."""

VOID_SHARE = 0.5
"""A recording whose unexplained processor time exceeds that of so many brute forces is void.

Of 203 honest ones on SmolLM2 those that run token by token left up to 0.32 unexplained."""


class SandboxArms(Replays):
    """The arms of a real search. A context manager: the jails end with it.

    Args:
        config: the search's settings.
        target: the target.
        corpus: the generic text methods learn from.
        questions: every task that will be asked about.
    """

    def __init__(
        self, config: SearchConfig, target: Target, corpus: Corpus, questions: Iterable[TaskQuestions]
    ) -> None:
        """See the class docstring."""
        super().__init__(config, questions)
        self.target = target
        self.corpus = corpus
        self.recordings = RecordingStore()
        self.curves = CurveStore(paths.cache("curves"))
        self.streams = StreamStore()
        self.interpretations = InterpretationStore()
        for store in (self.recordings, self.curves, self.baselines, self.streams, self.interpretations):
            check_writable(store.folder)
        sweep(paths.home())
        self._tier = choose_tier(config.unsafe)
        self._jails: list[Jail] = []
        self._free: Queue[Jail] = Queue()
        self._stopped = False

    def __enter__(self) -> SandboxArms:
        """Start the jails; they load the target in the background."""
        self._limits = threadpool_limits(1, user_api="blas")  # replays are small, and the same on every machine
        seconds = self.config.caps.seconds
        limits = Limits(threads=self.config.threads, interpret_seconds=4 * seconds, record_seconds=seconds)
        for _ in range(self.config.side_by_side):
            jail = Jail(TargetSpec.of(self.target), self._tier, limits)
            self._jails.append(jail)
            self._free.put(jail)
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the jails."""
        self._limits.restore_original_limits()
        for jail in self._jails:
            jail.stop()

    def stop(self) -> None:
        """See `Arms`."""
        self._stopped = True
        for jail in self._jails:
            jail.stop()

    @property
    def tier(self) -> str:
        """The tier of isolation that methods run under."""
        return self._tier.name

    def channel_record(self, table: Table, recording: Recording) -> ChannelRecord:
        """Return what a recording was worth on its question, in hindsight."""
        skills = np.mean([curve.skill for curve in self.baseline(table).curves], axis=0)
        budgets = budget_checkpoints(table.brute_flops) / table.brute_flops
        prior = self._tasks[table.question.task].priors[table.question.hash]
        return channel_record(table, recording, prior, np.stack([budgets, 1 - skills], axis=1))

    def priced(self, table: Table) -> QuestionRecord:
        """See `Arms`; kept on disk, as interventions are set up for it."""
        key = sha256("\n".join(map(str, self.streams_key(table))).encode()).hexdigest()
        file = paths.cache("costs") / "rows" / f"{key}.json"
        parts = read_checked_json(file)
        if parts is None:
            parts = self._rows_by_op(table)
            write_checked_json(file, parts)
        return QuestionRecord(table.question.hash, table.question.task, RULEBOOK.version, parts)

    def _rows_by_op(self, table: Table) -> dict[str, dict[str, int]]:
        question = table.question
        setups = setup_readings(self.target, question.runs).values()
        parts = rows_by_op(build_trie(question.runs), self._costs, [reading.by_op for reading in setups])
        counted = sum(flops for by_op in parts.values() for flops in by_op.values())
        if counted != table.brute_flops:
            _log.warning(
                "%s, question %d: %d FLOPs by brute force where its table was built, %d as %s is metered here (other "
                "packages or another device); the search cannot be rescored under another rulebook",
                *(question.task, question.index, table.brute_flops, counted, self.target.name),
            )
            return {}
        return parts

    @cached_property
    def _costs(self) -> dict[str, CostModel]:
        return cached_costs_by_op(self.target)

    def streams_key(self, table: Table) -> Sequence[str | int]:
        """Return what decides the streams of a question's rows."""
        code = fingerprint(STREAM_PACKAGES)
        return table.question.hash, self.target.id, RULEBOOK.version, code, torch.__version__, self.config.threads

    def standard_run(self, jail: Jail, view: QuestionView, rows: Int[np.ndarray, " rows"]) -> StandardRun:
        """Compute the standard run of some rows of a question in a jail that is free."""
        batch = QuestionView(tuple(view.runs[row] for row in rows), view.structure.take(rows))
        return compute_standard_run(jail, batch, MOST_BYTES_OF_A_BATCH)

    def interpretation_key(self, method: str) -> tuple[str, str, str, str]:
        """See `Arms`."""
        return method, self.target.id, self.corpus.hash, RULEBOOK.version

    @contextmanager
    def session(self, source: str, name: str) -> Iterator[SandboxSession]:
        """See `Arms`."""
        yield SandboxSession(self, source, name)

    @contextmanager
    def worker(self, source: str, name: str) -> Iterator[Worker]:
        """Lend a jail that runs the method, as soon as one is free."""
        jail = self._free.get()
        try:
            if self._stopped:
                raise StoppedError(f"{name!r} was not run: the search was stopped")
            with Worker(source, jail.target, name=name, jail=jail) as worker:
                yield worker
        except (MethodError, SandboxError) as error:
            if self._stopped:
                raise StoppedError(f"{name!r} was stopped with the search") from error
            raise
        finally:
            self._free.put(jail)


class SandboxSession:
    """A method on the target; see `Session`.

    What a file of several methods side by side learns and says is put together from its parts, each of which is run, or
    found, as a method of its own (`istar.methods.side_by_side`).

    Args:
        arms: where it belongs.
        source: the method's source.
        name: for messages.
    """

    def __init__(self, arms: SandboxArms, source: str, name: str) -> None:
        """See the class docstring."""
        self.arms, self.source, self.name = arms, source, name
        self.method = source_hash(source)
        self._parts = [
            SandboxSession(arms, part, f"{name}, part {slot}") for slot, part in enumerate(parts_of(source), 1)
        ]
        self._outcome: InterpretOutcome | None = None
        self._records: dict[str, ChannelRecord] = {}
        self._tried_again: set[str] = set()

    def interpretation(self) -> InterpretOutcome:
        """Return the interpretation, from the store or made now.

        Raises:
            MethodError: the method's `interpret` failed.
        """
        if self._outcome is None:
            arms = self.arms
            key = InterpretationKey(*arms.interpretation_key(self.method), seed=arms.config.environment_seed)
            self._outcome = arms.interpretations.load(key)
            if self._outcome is None and self._parts:
                self._outcome = outcomes_side_by_side([part.interpretation() for part in self._parts])
            elif self._outcome is None:
                self._outcome = self._with_worker(
                    lambda worker: arms.interpretations.obtain(worker, arms.corpus, arms.config.environment_seed)
                )
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
            kept = self._sound(table)
            spending = _spending(kept)
            if kept.recording.channels == 0:  # then what it said of other questions is of no use either
                return Evaluation(self.arms.white_box(table, kept.recording, None), spending)
            records = [self._record_of(other) for other in others]
        except _VoidError as failure:
            return Evaluation((), failure.spending, "void", str(failure))
        except MethodError as failure:
            return Evaluation((), spending, "error", str(failure))
        key = ("white_box", *self.arms.replay_key(table), *(self._key(each).name for each in (table, *others)))
        curves = self.arms.curves.load(key)
        if curves is None:
            curves = self.arms.white_box(table, kept.recording, experience_of(records, table.question.hash))
            self.arms.curves.save(key, curves)
        return Evaluation(curves, spending)

    def _record_of(self, table: Table) -> ChannelRecord:
        """Return what the method was worth on a question; see `SandboxArms.channel_record`."""
        question = table.question.hash
        if question not in self._records:
            self._records[question] = self.arms.channel_record(table, self._sound(table).recording)
        return self._records[question]

    def _sound(self, table: Table) -> KeptRecording:
        """Return what the method says about a question, if its processor time is explained.

        A recording whose time is not explained is made once more before it is judged: what else a machine does can slow
        a processor down for a while, and what it gives and costs is the same each time.

        Raises:
            MethodError: the method failed, or its processor time is not explained.
        """
        kept = self.record(table)
        question = table.question.hash
        if kept.unexplained_cpu_seconds > self._void_seconds(table, kept) and question not in self._tried_again:
            self._tried_again.add(question)
            kept = self.record(table, again=True)
        if kept.unexplained_cpu_seconds > self._void_seconds(table, kept):
            raise _VoidError(
                f"{kept.unexplained_cpu_seconds:.1f} seconds of processor time on question {table.question.index} of "
                f"{table.question.task} are not explained by the metered FLOPs; do the arithmetic in torch, not in "
                "Python",
                _spending(kept),
            )
        return kept

    def record(self, table: Table, *, again: bool = False) -> KeptRecording:
        """Return what the method says about a question, from the store or run now.

        Args:
            table: the question.
            again: whether to run it though it is in the store, and to put this one in its place.

        Raises:
            MethodError: the method failed.
        """
        key = self._key(table)
        kept = None if again else self.arms.recordings.load(key)
        if kept is None and not again:
            kept = self._put_together(table)
            if kept is not None:
                self.arms.recordings.save(key, kept)
        if kept is None:
            interpretation = self.interpretation().content
            recording = self._with_worker(lambda worker: self._recorded(worker, table, interpretation))
            kept = KeptRecording(recording, recording.cpu_seconds, recording.unexplained_cpu_seconds, recording.tier)
            self.arms.recordings.save(key, kept)
        return kept

    def _put_together(self, table: Table) -> KeptRecording | None:
        """Return the recording of parts side by side; None if there are none, or if theirs do not tell what it is."""
        if not self._parts:
            return None
        return kept_side_by_side(
            self.method,
            [part._sound(table) for part in self._parts],
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
        shelf = QuestionShelf(arms.streams, batches, arms.streams_key(table))
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
            self.method,
            table.question.hash,
            arms.target.id,
            arms.corpus.hash,
            RULEBOOK.version,
            config.environment_seed,
            config.caps,
        )

    def _void_seconds(self, table: Table, kept: KeptRecording) -> float:
        explained = kept.cpu_seconds - kept.unexplained_cpu_seconds
        share = kept.recording.total_flops / table.brute_flops
        return max(10.0, VOID_SHARE * explained / max(share, 0.01))


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
        cpu_seconds=kept.cpu_seconds,
        unexplained_cpu_seconds=kept.unexplained_cpu_seconds,
        seconds=recording.seconds,
        batches=tuple(BatchSpending(batch.flops, batch.by_op) for batch in recording.batches),
    )
