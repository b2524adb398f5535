"""What the ledger holds, as plain records; the verbs of `Ledger` take and return these and never rows of SQL.

Fields called `seconds` are measured time. They differ between two runs that are otherwise the same, and so does what
describes the machine: the export leaves them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

BASELINE = ""
"""The method hash under which the black-box arm's evaluations are filed."""

Json = Any
Split = Literal["train", "validation", "test"]
Stage = Literal["baseline", "screen", "train", "validation", "test"]
OpeningKind = Literal["validation", "test"]


@dataclass(frozen=True)
class RunConfig:
    """What decides every figure of a run, apart from the code's version.

    Attributes:
        target: id of the target (a hash of weights, config and dtype).
        target_name: the name it was loaded by.
        rulebook: version of the FLOP rulebook.
        researcher: registry name.
        executor: registry name.
        reward: registry name of the reward formula.
        seed: the root seed.
        options: everything else, as JSON values (questions per task, executor seeds, limits, tier, ...).
    """

    target: str
    target_name: str
    rulebook: str
    researcher: str
    executor: str
    reward: str
    seed: int
    options: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """A search.

    Attributes:
        name: the run's name, unique in the ledger.
        config: what decides its figures.
        versions: package name to version, of when it was opened.
        machine: what a reader should know of the machine (processor, cores, threads, tier of isolation).
        status: `open` until the search ended by itself.
        opened_at: UTC, ISO 8601.
    """

    name: str
    config: RunConfig
    versions: Mapping[str, str]
    machine: Mapping[str, str]
    status: Literal["open", "finished"]
    opened_at: str


@dataclass(frozen=True)
class TaskRecord:
    """A task as it stood when the run was opened, with the reason if it was dropped.

    Attributes:
        task: the task's name, `family/data_set`.
        family: the family's name.
        split: the family's split.
        status: `active`, `marked` (kept, with a remark) or `dropped`.
        reason: why it was marked or dropped, empty otherwise.
        questions: number of questions.
        rows: mean number of rows of a question.
        brute_flops: mean FLOPs of a question by brute force.
        dearest_run_flops: mean FLOPs of a question's dearest single run.
        reliability: split-half reliability of the answer, None where it is not defined.
    """

    task: str
    family: str
    split: Split
    status: str
    reason: str
    questions: int
    rows: int
    brute_flops: int
    dearest_run_flops: int
    reliability: float | None


@dataclass(frozen=True)
class ProposalRecord:
    """A method that the researcher proposed.

    Attributes:
        iteration: the round, from 0.
        method: hash of the source.
        name: a name for people.
        parents: hashes of the methods it was derived from.
        parameters: the researcher's own description of its choice.
    """

    iteration: int
    method: str
    name: str
    parents: tuple[str, ...] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class PartRecord:
    """A method that a proposal puts side by side with others in one file.

    Attributes:
        iteration: the round of the proposal.
        slot: the part's place in the file, from 1.
        method: hash of the source.
        title: a sentence for people.
    """

    iteration: int
    slot: int
    method: str
    title: str


@dataclass(frozen=True)
class InterpretationRecord:
    """What it cost to interpret a target once; not charged to any question.

    Attributes:
        method: hash of the method.
        target: id of the target.
        corpus: hash of the corpus.
        rulebook: version of the FLOP rulebook.
        flops: metered FLOPs.
        bytes: size of the interpretation.
        sha256: hash of the interpretation.
        by_op: FLOPs by operation.
        by_region: FLOPs by named region.
        seconds: wall-clock time.
    """

    method: str
    target: str
    corpus: str
    rulebook: str
    flops: int
    bytes: int
    sha256: str
    by_op: Mapping[str, int] = field(default_factory=dict)
    by_region: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class BatchSpending:
    """What a method's channels on one nested batch of rows took.

    Attributes:
        flops: FLOPs from the start of `prepare` to the end of this batch.
        by_op: the same by operation; empty where the recording did not keep it.
    """

    flops: int
    by_op: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class QuestionRecord:
    """What buying all rows of a question takes, by part and operation, so that it can be priced by another rulebook.

    Attributes:
        question_hash: which question.
        task: the task's name.
        rulebook: version of the FLOP rulebook.
        rows_by_op: FLOPs of brute force by operation, for each part of the price: tokens, pairs of tokens, reads, and
            setting up interventions; together they are the question's brute-force FLOPs. Empty where the target was
            metered otherwise than where the question's table was built.
    """

    question_hash: str
    task: str
    rulebook: str
    rows_by_op: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Spending:
    """What a method's recording on one question took.

    Attributes:
        prepare_flops: FLOPs of `prepare`.
        flops: FLOPs of all, `prepare` included.
        matmul_flops: the part in matrix products, convolutions and attention.
        rows: rows for which channels were recorded.
        by_op: FLOPs by operation.
        by_region: FLOPs by named region.
        unknown: FLOPs by operation that the rulebook does not know, charged at the dearest price.
        cpu_seconds: the worker's processor time, read by the parent from the operating system.
        seconds: wall-clock time.
        unexplained_cpu_seconds: the part of the processor time that the metered FLOPs do not explain; None in records
            without it.
        batches: the part of each nested batch that was answered, cumulative, in order; none in records
            without them.
    """

    prepare_flops: int = 0
    flops: int = 0
    matmul_flops: int = 0
    rows: int = 0
    by_op: Mapping[str, int] = field(default_factory=dict)
    by_region: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    unexplained_cpu_seconds: float | None = None
    batches: tuple[BatchSpending, ...] = ()

    @property
    def explained_share(self) -> float | None:
        """The share of the worker's processor time that the metered FLOPs explain, or None where it is not known."""
        if self.unexplained_cpu_seconds is None or not self.cpu_seconds > 0:
            return None
        return 1.0 - self.unexplained_cpu_seconds / self.cpu_seconds


@dataclass(frozen=True)
class EvaluationRecord:
    """One method on one question at one stage; its curves are stored with it.

    A run holds at most one evaluation for each (stage, method, question), so none can be repeated.

    Attributes:
        stage: where in the cascade it was made; `baseline` for the black-box arm.
        method: hash of the method, `BASELINE` for the black-box arm.
        task: the task's name.
        split: the task's split.
        question_hash: which question.
        question_index: its number within the task.
        status: `ok`, or in a word why there are no curves (`error`, `void`, `timeout`, ...).
        reason: the message that goes with it, empty when ok.
        spending: what the recording took; empty for the black-box arm.
    """

    stage: Stage
    method: str
    task: str
    split: Split
    question_hash: str
    question_index: int
    status: str = "ok"
    reason: str = ""
    spending: Spending = Spending()

    @property
    def family(self) -> str:
        """The name of the task's family."""
        return self.task.split("/", maxsplit=1)[0]


@dataclass(frozen=True)
class RoundRecord:
    """The outcome of one iteration of the search.

    Attributes:
        iteration: from 0.
        method: hash of the method proposed.
        stage: the last stage of the cascade that it reached.
        status: `ok`, or in a word why it got no further (`rejected`, `pruned`, `error`, ...).
        reason: the message that goes with it.
        reward: the reward that the researcher was told, None if it was told none.
        standard_error: of that reward, None where it has none.
        validation_reward: the guarded average that was revealed, None if none was.
        improved: whether this round's method became the best.
        best_method: hash of the best so far, empty while there is none.
        best_reward: its revealed validation reward (or its reward, where the search has no validation).
        seconds: wall-clock time of the round.
    """

    iteration: int
    method: str
    stage: str
    status: str
    reason: str
    reward: float | None
    standard_error: float | None
    validation_reward: float | None
    improved: bool
    best_method: str
    best_reward: float | None
    seconds: float = 0.0


@dataclass(frozen=True)
class UseRecord:
    """One use of the workbench by the researcher: a method checked, or scored on training questions.

    Attributes:
        number: counted from 0 within the run.
        phase: when: `begin`, `propose` or `update`.
        iteration: of the proposal that was being made or told; 0 in `begin`.
        kind: `check` or `score`.
        method: hash of the method's source.
        name: its name.
        request: what else was asked, as JSON values.
        outcome: what came of it, as JSON values.
        questions: how many questions were scored that the method had not been scored on before.
        flops: FLOPs of recording the method on these.
    """

    number: int
    phase: str
    iteration: int
    kind: str
    method: str
    name: str
    request: Json
    outcome: Json
    questions: int = 0
    flops: int = 0


@dataclass(frozen=True)
class Tried:
    """What a researcher tried on training questions besides what it proposed.

    Attributes:
        checks: how many methods it had checked.
        scores: how often it had a method scored.
        questions: on how many questions, each counted once for a method.
        flops: FLOPs of recording the methods on them.
    """

    checks: int
    scores: int
    questions: int
    flops: int


def tried(uses: Sequence[UseRecord]) -> Tried:
    """Return what some uses come to."""
    return Tried(
        checks=sum(use.kind == "check" for use in uses),
        scores=sum(use.kind == "score" for use in uses),
        questions=sum(use.questions for use in uses),
        flops=sum(use.flops for use in uses),
    )


@dataclass(frozen=True)
class OpeningRecord:
    """One consultation of held-out tasks.

    Attributes:
        kind: `validation` for a query through the guard, `test` for an unsealing.
        number: counted from 1 within the run and kind.
        method: hash of the method that was judged.
        iteration: the round in which it happened.
        revealed: whether a new figure was shown to the researcher.
        value: the figure shown, None if none was.
    """

    kind: OpeningKind
    number: int
    method: str
    iteration: int
    revealed: bool
    value: float | None
