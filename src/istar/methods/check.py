"""Checking a user's own method in seconds: faults, shapes, FLOPs, on a tiny target.

The method runs on a few small questions that between them have every readout: contexts with parts removed, prompts
times examples, plain sequences, comparisons with a reference. For each, what the method spends is set against what
the exact values cost, because a channel is worth having only where it is much cheaper.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from istar.flops.histograms import added_up
from istar.flops.meter import Meter
from istar.methods.check_questions import sample_questions
from istar.methods.contract import Interpretation, MethodError
from istar.methods.fence import Fault, check_source
from istar.methods.loading import Method, load_method, name_of, read_source
from istar.methods.recorder import record, recording_meter, run_interpret
from istar.questions import QuestionView, nested_batches
from istar.seeds import Seed
from istar.targets.places import TINY

if TYPE_CHECKING:
    from istar.targets.target import Target


@dataclass(frozen=True)
class InterpretCheck:
    """What `interpret` did.

    Attributes:
        flops: FLOPs it spent; shown, never charged.
        seconds: wall-clock seconds.
        bytes: size of what it returned.
        tensors: shape of each tensor it returned.
    """

    flops: int
    seconds: float
    bytes: int
    tensors: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class QuestionCheck:
    """What the method did on one sample question.

    Attributes:
        question: what kind of rows the question has.
        runs: how many.
        batches: how many nested batches the method was given.
        channels: how many channels it gave; 0 for nothing to say.
        prepare_flops: FLOPs of `prepare`.
        predict_flops: FLOPs of `predict` on all batches.
        exact_flops: FLOPs of the exact values of the same rows.
        by_op: FLOPs by torch operation, the dearest first.
        seconds: wall-clock seconds of `prepare` and `predict`.
        first_flops: FLOPs of `prepare` and of `predict` on the first batch.
    """

    question: str
    runs: int
    batches: int
    channels: int
    prepare_flops: int
    predict_flops: int
    exact_flops: int
    by_op: dict[str, int]
    seconds: float
    first_flops: int

    @property
    def too_dear(self) -> bool:
        """Whether a score would cut it off on such a question before it has said anything."""
        return self.first_flops > self.exact_flops


@dataclass(frozen=True)
class CheckReport:
    """What `istar check` found.

    Attributes:
        name: the method's name.
        target: name of the target it ran on.
        faults: what the fence refuses; nothing ran if there is any.
        interpret: what `interpret` did, or None if it did not get that far.
        questions: what the method did on each sample question, as far as it got.
        errors: what went wrong while it ran, with the question where it did.
    """

    name: str
    target: str
    faults: tuple[Fault, ...] = ()
    interpret: InterpretCheck | None = None
    questions: tuple[QuestionCheck, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether there is neither a fault nor an error."""
        return not self.faults and not self.errors

    @property
    def silent(self) -> bool:
        """Whether it ran on questions and had nothing to say on any: it gave no channel."""
        return bool(self.questions) and not any(each.channels for each in self.questions)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {"passed": self.passed, "silent": self.silent, **asdict(self)}


def check_method(
    path: str | Path, target: Target | None = None, questions: Mapping[str, QuestionView] | None = None
) -> CheckReport:
    """Check a method file and return what was found; faults and errors of the method are reported, not raised.

    The method runs in this process: check only files that you would run.

    Args:
        path: the method's file.
        target: what to run it on; `tiny-random` by default.
        questions: what to ask it about, by a description of the rows; questions with every kind of row by default.

    Raises:
        MethodError: the file cannot be read.
    """
    path = Path(path)
    name = name_of(path)
    faults = check_source(read_source(path))
    if faults:
        return CheckReport(name, TINY if target is None else target.name, faults)
    from istar.targets.corpus import build_corpus
    from istar.targets.loading import load_target

    tiny = target or load_target(TINY)
    meter = recording_meter()
    started = time.perf_counter()
    try:
        method = load_method(path)
        corpus = build_corpus(tiny, sequences=8, length=48)
        interpretation = run_interpret(method, tiny, corpus, meter)
    except MethodError as error:
        return CheckReport(name, tiny.name, errors=(str(error),))
    interpret = InterpretCheck(
        meter.flops,
        time.perf_counter() - started,
        len(interpretation.to_bytes()),
        {name: tuple(tensor.shape) for name, tensor in interpretation.tensors.items()},
    )
    checks, errors = [], []
    for kind, question in (sample_questions(tiny) if questions is None else questions).items():
        try:
            checks.append(_check_question(method, kind, question, tiny, interpretation))
        except MethodError as error:
            errors.append(f"on {kind}: {error}")
    return CheckReport(name, tiny.name, (), interpret, tuple(checks), tuple(errors))


def _check_question(
    method: Method, kind: str, question: QuestionView, target: Target, interpretation: Interpretation
) -> QuestionCheck:
    batches = nested_batches(question.structure, Seed.root(0))
    recording = record(method, question, kind, batches, target, interpretation)
    exact = Meter()
    with exact:
        target.values(question.runs)
    return QuestionCheck(
        question=kind,
        runs=len(question.runs),
        batches=len(recording.batches),
        channels=recording.channels,
        prepare_flops=recording.prepare_flops,
        predict_flops=recording.total_flops - recording.prepare_flops,
        exact_flops=exact.flops,
        by_op=added_up(recording.by_op),
        seconds=recording.seconds,
        first_flops=recording.batches[0].flops,
    )
