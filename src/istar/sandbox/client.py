"""`Worker`: one method on one target, run in a jail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from jaxtyping import Int

from istar.flops.meter import MeterReading
from istar.flops.rulebook import RULEBOOK
from istar.flops.witness import Witness, judged
from istar.methods.contract import Interpretation
from istar.methods.recording import Recording
from istar.questions import QuestionView
from istar.sandbox.errors import SandboxError
from istar.sandbox.jail.jail import Feed, Jail, Reply
from istar.sandbox.jail.limits import Limits
from istar.sandbox.jail.tiers import Tier
from istar.sandbox.wire.frames import Frame
from istar.sandbox.wire.replies import (
    ReplyError,
    check_totals,
    clocked_in,
    histogram_of,
    matmul_flops_of,
    raise_failure,
    read_batches,
    read_interpretation,
)
from istar.sandbox.wire.requests import RecordRequest, TargetSpec, interpret_frame

if TYPE_CHECKING:
    from istar.targets.corpus import Corpus
    from istar.targets.standard_runs import Replayed

EMPTY_METHOD = """
import torch

def interpret(target, corpus):
    pass

def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 0)
"""
"""A method that does nothing: what it takes, a worker takes whatever the method is."""

EMPTY_SECONDS = 600.0
"""Wall-clock seconds that it may take at least, however few the limits leave to a method."""


@dataclass(frozen=True)
class InterpretOutcome:
    """What `interpret` gave and took.

    Attributes:
        interpretation: the interpretation.
        content: the same, serialised: what `record` takes and the cache keeps.
        reading: FLOPs as the worker's meter counted them.
        seconds: wall-clock seconds by the parent's clock.
        cpu_seconds: processor time of the worker, by the operating system's count. What is learned once is not charged,
            so nothing is asked of it.
        tier: the tier of isolation it ran under.
    """

    interpretation: Interpretation
    content: bytes
    reading: MeterReading
    seconds: float
    cpu_seconds: float
    tier: str

    @property
    def bytes(self) -> int:
        """The size of the interpretation."""
        return len(self.content)


@dataclass(frozen=True)
class WorkerRecording(Recording):
    """A recording made by a worker, with what its parent saw from outside.

    Attributes:
        witness: what the worker's processor time says of it.
        tier: the tier of isolation it ran under.
    """

    witness: Witness = field(default_factory=Witness)
    tier: str = ""

    @property
    def cpu_seconds(self) -> float:
        """Processor time of the worker."""
        return self.witness.cpu_seconds

    @property
    def unexplained_cpu_seconds(self) -> float:
        """Processor time that its operations do not explain."""
        return self.witness.unexplained_seconds


class Shelf(Protocol):
    """Standard runs of a question's batches."""

    def take(self, batch: int, layer: int) -> Replayed | None:
        """Return the streams of a batch after so many blocks and their bill, or None if they are not at hand."""


class _Counter:
    """Answers a worker from a shelf, and counts what it hands over: a count the worker's process cannot reach."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.flops = 0

    def __call__(self, frame: Frame) -> Frame:
        batch, layer, left = (frame.fields.get(name) for name in ("batch", "layer", "left"))
        if type(batch) is not int or type(layer) is not int or type(left) is not int:
            raise ReplyError("a worker asked for streams without saying which, or what it can pay")
        found = self.shelf.take(batch, layer)
        if found is None or found.bill.flops > left:
            return Frame("absent")
        self.flops += found.bill.flops
        bill = {"by_op": dict(found.bill.by_op), "matmul_flops": found.bill.matmul_flops}
        return Frame("streams", bill, {"values": found.values})


class Worker:
    """One method on one target, in a jail. A context manager: the processes end with it.

    Args:
        method_source: the method's source text.
        target: the target, or how a worker finds it.
        tier: how the worker is isolated; the best there is by default, else an error.
        limits: what it may use.
        name: the method's name, for messages.
        jail: a running jail on the same target to use instead of an own one; it is left running. As no method's code
            runs in the jail's serving process, one jail may serve many methods, and spares each the seconds that
            loading torch and the target takes.

    Raises:
        FenceError: the method's source has faults.
        SandboxUnavailableError: no jail can be had here.

    Example:
        >>> with Worker(source, TargetSpec.of(target)) as worker:  # doctest: +SKIP
        ...     outcome = worker.interpret(corpus)
        ...     recording = worker.record(question.view, question.hash, batches, outcome.content)
    """

    def __init__(
        self,
        method_source: str,
        target: TargetSpec,
        tier: Tier | None = None,
        limits: Limits | None = None,
        *,
        name: str = "method",
        jail: Jail | None = None,
    ) -> None:
        """See the class docstring."""
        self.source, self.name = method_source, name
        self.method_hash = self.admit()
        if jail is not None and jail.target != target:
            raise SandboxError(f"the jail holds {jail.target.name!r}, not {target.name!r}; give one on the same target")
        self._own = Jail(target, tier, limits) if jail is None else None
        self.jail = jail or self._own or Jail(target, tier, limits)
        self.limits = limits or self.jail.limits

    def admit(self) -> str:
        """Return the method's hash if it may run.

        Raises:
            FenceError: its source has faults.
        """
        return checked_hash(self.source, self.name)

    @property
    def tier(self) -> str:
        """The tier of isolation."""
        return self.jail.tier.name

    @property
    def target_id(self) -> str:
        """The target's id; waits for the worker to load the target if it was not given."""
        if not self.jail.target_id:
            self.jail.wait_ready()
        return self.jail.target_id

    def interpret(self, corpus: Corpus, seed: int = 0) -> InterpretOutcome:
        """Run `interpret`.

        Args:
            corpus: generic text.
            seed: seeds torch's random numbers.

        Raises:
            MethodError: the method failed.
        """
        answer = self.jail.ask(
            lambda allowance: interpret_frame(self.source, self.name, corpus, seed, allowance),
            self.limits.interpretation_caps,
            self.limits.interpret_seconds,
            self.name,
            self.limits,
        )
        interpretation, content, reading = read_interpretation(answer.frame, self.name)
        return InterpretOutcome(
            interpretation,
            content,
            reading,
            answer.seconds,
            answer.cpu_seconds,
            self.tier,
        )

    def record(
        self,
        question: QuestionView,
        question_hash: str,
        batches: Sequence[Int[np.ndarray, " batch"]],
        interpretation: Interpretation | bytes,
        *,
        max_flops: int | None = None,
        max_rows_fraction: float = 1.0,
        seed: int = 0,
        brute_flops: int | None = None,
        shelf: Shelf | None = None,
    ) -> WorkerRecording:
        """Run `prepare` once and `predict` on each batch of rows.

        Args:
            question: what the method is shown.
            question_hash: the question's hash.
            batches: row numbers of the nested batches, in order.
            interpretation: what `interpret` gave, as object or serialised.
            max_flops: the recording ends after the batch with which its FLOPs pass this; `brute_flops` by default.
            max_rows_fraction: the share of rows after which it may end.
            seed: seeds torch's random numbers.
            brute_flops: FLOPs of answering the question by brute force.
            shelf: has standard runs of some batches, which the method is charged for as if it had computed them.

        Raises:
            MethodError: the method failed.
        """
        budget = brute_flops if max_flops is None else max_flops
        content = interpretation if isinstance(interpretation, bytes) else interpretation.to_bytes()
        replays = shelf is not None
        request = RecordRequest(question, question_hash, batches, content, budget, max_rows_fraction, seed, replays)
        empty_seconds = self._empty_seconds(request)
        counter = None if shelf is None else _Counter(shelf)
        answer = self._asked(request, self.source, self.name, self.limits.record_seconds, counter)
        handed = 0 if counter is None else counter.flops
        recording = self._recording(answer, request, handed)
        witness = judged(
            clocked_in(answer.frame, recording.total_flops - handed, self.name),
            self.jail.known_rates(),
            cpu_seconds=answer.cpu_seconds,
            empty_seconds=empty_seconds,
            brute_flops=brute_flops,
            threads=self.limits.threads,
        )
        return replace(recording, witness=witness)

    def _asked(self, request: RecordRequest, source: str, name: str, seconds: float, feed: Feed | None = None) -> Reply:
        rows = sum(len(each) for each in request.batches)
        return self.jail.ask(
            lambda allowance: request.frame(source, name, allowance),
            self.limits.reply_caps(rows, len(request.batches)),
            seconds,
            name,
            self.limits,
            feed,
        )

    def _empty_seconds(self, request: RecordRequest) -> float:
        """Return the processor time that a method that does nothing takes on a question, measured once a jail."""
        known = self.jail.empty_seconds
        if request.question_hash not in known:
            nothing = replace(request, interpretation=Interpretation().to_bytes(), replays=False)
            seconds = max(EMPTY_SECONDS, self.limits.record_seconds)
            answer = self._asked(nothing, EMPTY_METHOD, "a method that does nothing", seconds)
            known[request.question_hash] = answer.cpu_seconds
        return known[request.question_hash]

    def _recording(self, answer: Reply, request: RecordRequest, handed: int) -> WorkerRecording:
        frame = answer.frame
        if frame.kind == "failed":
            raise_failure(frame, self.name)
        if frame.kind != "recorded" or frame.fields.get("rulebook") != RULEBOOK.version:
            raise ReplyError(f"{self.name!r}: the reply is no recording under rulebook {RULEBOOK.version}")
        batches = read_batches(frame, request.batches, request.max_flops, self.limits.channels, self.name)
        total = check_totals(frame, batches, request.max_flops, self.name)
        if total < handed:
            raise ReplyError(
                f"{self.name!r}: the reply counts {total} FLOPs, less than the {handed} of the streams handed over"
            )
        return WorkerRecording(
            method_hash=self.method_hash,
            question_hash=request.question_hash,
            target=self.jail.target_id,
            rulebook=RULEBOOK.version,
            batches=batches,
            prepare_flops=frame.fields["prepare_flops"],
            by_op=histogram_of(frame.fields.get("by_op"), "by_op", self.name),
            by_region=histogram_of(frame.fields.get("by_region"), "by_region", self.name),
            seconds=answer.seconds,
            total_flops=total,
            matmul_flops=matmul_flops_of(frame.fields.get("matmul_flops"), total, self.name),
            unknown=histogram_of(frame.fields.get("unknown"), "unknown", self.name),
            complete=len(batches) == len(request.batches),
            tier=self.tier,
        )

    def close(self) -> None:
        """End the worker's processes, unless they belong to a jail that was handed in."""
        if self._own is not None:
            self._own.stop()

    def __enter__(self) -> Self:
        """Return the worker."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the worker's processes."""
        self.close()


def checked_hash(source: str, name: str) -> str:
    """Return a method's hash, once the fence has found no fault in its source; none of it is run here.

    Raises:
        FenceError: the source has faults.
    """
    from istar.methods.fence import FenceError, check_source
    from istar.methods.loading import source_hash

    faults = check_source(source)
    if faults:
        raise FenceError(name, faults)
    return source_hash(source)
