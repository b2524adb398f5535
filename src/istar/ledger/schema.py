"""What the ledger holds: records, whose fields are the columns of its tables. Nothing else states a column.

The verbs of `Ledger` take and return records and never rows of SQL. A column that comes, goes or changes needs a
migration as well (`migrations/versions`), which a test holds against what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import sqlalchemy as sa

from istar.ledger.tables import (
    FLAG,
    HASH,
    JSON,
    LARGE,
    NAME,
    REAL,
    TEXT,
    TIME,
    WHOLE,
    WORD,
    RecordTable,
    Refers,
)

BASELINE = ""
"""The method hash under which the black-box arm's evaluations are filed."""

Json = Any
Split = Literal["train", "validation", "test"]
Stage = Literal["baseline", "screen", "train", "fresh", "validation", "test", "committed"]
"""`fresh`: training tasks on questions that nothing is chosen by, to tell whether a search has stopped improving.
`committed`: test tasks on questions with shipped tables, beside the fresh ones that a `test` asked."""
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

    name: Annotated[str, NAME]
    config: Annotated[RunConfig, JSON]
    versions: Annotated[Mapping[str, str], JSON]
    machine: Annotated[Mapping[str, str], JSON]
    status: Annotated[Literal["open", "finished"], WORD]
    opened_at: Annotated[str, TIME]


@dataclass(frozen=True)
class MethodRecord:
    """The source of a method, filed under its hash and shared by all runs.

    Attributes:
        hash: SHA-256 of the source.
        source: the text of the file.
    """

    hash: Annotated[str, HASH]
    source: Annotated[str, TEXT]


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

    task: Annotated[str, NAME]
    family: Annotated[str, NAME]
    split: Annotated[Split, WORD]
    status: Annotated[str, WORD]
    reason: Annotated[str, TEXT]
    questions: Annotated[int, WHOLE]
    rows: Annotated[int, WHOLE]
    brute_flops: Annotated[int, LARGE]
    dearest_run_flops: Annotated[int, LARGE]
    reliability: Annotated[float | None, REAL]


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

    iteration: Annotated[int, WHOLE]
    method: Annotated[str, HASH, Refers("methods.hash", index=True)]
    name: Annotated[str, NAME]
    parents: Annotated[tuple[str, ...], JSON] = ()
    parameters: Annotated[Mapping[str, Json], JSON] = field(default_factory=dict)


@dataclass(frozen=True)
class PartRecord:
    """A method that a proposal puts side by side with others in one file.

    Attributes:
        iteration: the round of the proposal.
        slot: the part's place in the file, from 1.
        method: hash of the source.
        title: a sentence for people.
    """

    iteration: Annotated[int, WHOLE]
    slot: Annotated[int, WHOLE]
    method: Annotated[str, HASH, Refers("methods.hash")]
    title: Annotated[str, TEXT]


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

    method: Annotated[str, HASH]
    target: Annotated[str, NAME]
    corpus: Annotated[str, HASH]
    rulebook: Annotated[str, WORD]
    flops: Annotated[int, LARGE]
    bytes: Annotated[int, LARGE]
    sha256: Annotated[str, HASH]
    by_op: Annotated[Mapping[str, int], JSON] = field(default_factory=dict)
    by_region: Annotated[Mapping[str, int], JSON] = field(default_factory=dict)
    seconds: Annotated[float, REAL] = 0.0


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

    question_hash: Annotated[str, HASH]
    task: Annotated[str, NAME]
    rulebook: Annotated[str, WORD]
    rows_by_op: Annotated[Mapping[str, Mapping[str, int]], JSON]


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

    prepare_flops: Annotated[int, LARGE] = 0
    flops: Annotated[int, LARGE] = 0
    matmul_flops: Annotated[int, LARGE] = 0
    rows: Annotated[int, WHOLE] = 0
    by_op: Annotated[Mapping[str, int], JSON] = field(default_factory=dict)
    by_region: Annotated[Mapping[str, int], JSON] = field(default_factory=dict)
    unknown: Annotated[Mapping[str, int], JSON] = field(default_factory=dict)
    cpu_seconds: Annotated[float, REAL] = 0.0
    seconds: Annotated[float, REAL] = 0.0
    unexplained_cpu_seconds: Annotated[float | None, REAL] = None
    batches: Annotated[tuple[BatchSpending, ...], JSON] = ()

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

    stage: Annotated[Stage, WORD]
    method: Annotated[str, HASH]
    task: Annotated[str, NAME]
    split: Annotated[Split, WORD]
    question_hash: Annotated[str, HASH]
    question_index: Annotated[int, WHOLE]
    status: Annotated[str, WORD] = "ok"
    reason: Annotated[str, TEXT] = ""
    spending: Spending = Spending()

    @property
    def family(self) -> str:
        """The name of the task's family."""
        return self.task.split("/", maxsplit=1)[0]


@dataclass(frozen=True)
class CurveRecord:
    """One curve of an evaluation, whole, so that any reward can be recomputed from it.

    Attributes:
        evaluation: number of the evaluation.
        seed: the executor's seed.
        curve: the curve as JSON values; see `istar.rewards.curves`.
    """

    evaluation: Annotated[int, WHOLE, Refers("evaluations.id")]
    seed: Annotated[int, WHOLE]
    curve: Annotated[Json, JSON]


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

    iteration: Annotated[int, WHOLE]
    method: Annotated[str, HASH]
    stage: Annotated[str, WORD]
    status: Annotated[str, WORD]
    reason: Annotated[str, TEXT]
    reward: Annotated[float | None, REAL]
    standard_error: Annotated[float | None, REAL]
    validation_reward: Annotated[float | None, REAL]
    improved: Annotated[bool, FLAG]
    best_method: Annotated[str, HASH]
    best_reward: Annotated[float | None, REAL]
    seconds: Annotated[float, REAL] = 0.0


@dataclass(frozen=True)
class StateRecord:
    """The researcher's state after an iteration, where one was noted.

    Attributes:
        iteration: the round.
        state: JSON values.
    """

    iteration: Annotated[int, WHOLE]
    state: Annotated[Json, JSON]


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

    number: Annotated[int, WHOLE]
    phase: Annotated[str, WORD]
    iteration: Annotated[int, WHOLE]
    kind: Annotated[str, WORD]
    method: Annotated[str, HASH, Refers("methods.hash")]
    name: Annotated[str, NAME]
    request: Annotated[Json, JSON]
    outcome: Annotated[Json, JSON]
    questions: Annotated[int, WHOLE] = 0
    flops: Annotated[int, LARGE] = 0


@dataclass(frozen=True)
class CallRecord:
    """One call of a tool of an episode, written before it is answered.

    Attributes:
        number: counted from 0 within the run.
        tool: the tool's name.
        arguments: what it was given, as JSON values; a source is kept under its hash alone.
        method: hash of the source that it was given; None of a tool that takes none.
    """

    number: Annotated[int, WHOLE]
    tool: Annotated[str, WORD]
    arguments: Annotated[Mapping[str, Json], JSON]
    method: Annotated[str | None, HASH, Refers("methods.hash")] = None


@dataclass(frozen=True)
class AnswerRecord:
    """That a call was answered, and what it took.

    What a check or a score found stands in the use that was made for it (`iteration` is the call's number), what a
    submission got in the run's round; what a call reads is read again.

    Attributes:
        number: of the call.
        error: why it was refused, empty if it was not.
        flops: FLOPs of recording a method on questions on which it had not been recorded in this run.
        seconds: wall-clock time of its work.
    """

    number: Annotated[int, WHOLE]
    error: Annotated[str, TEXT] = ""
    flops: Annotated[int, LARGE] = 0
    seconds: Annotated[float, REAL] = 0.0


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

    kind: Annotated[OpeningKind, WORD]
    number: Annotated[int, WHOLE]
    method: Annotated[str, HASH]
    iteration: Annotated[int, WHOLE]
    revealed: Annotated[bool, FLAG]
    value: Annotated[float | None, REAL]


@dataclass(frozen=True)
class DrawRecord:
    """The fresh questions that an opening of the test asks; an opening without one asks those with shipped tables.

    Attributes:
        iteration: the round whose method is judged.
        method: hash of that method.
        seed: the root seed that the questions are drawn from.
        questions: how many of each task.
    """

    iteration: Annotated[int, WHOLE]
    method: Annotated[str, HASH]
    seed: Annotated[int, LARGE]
    questions: Annotated[int, WHOLE]


@dataclass(frozen=True)
class MoveRecord:
    """A move of red's in a duel.

    Attributes:
        round: counted from 0.
        part: `shown` or `held out`: whether blue learns from its kind.
        number: its place among the round's moves of that part.
        move: hash of the recipe.
        name: name of the organism.
        recipe: the choices, as JSON values.
        parameters: the values of the decisions that red's policy drew, and how likely they were.
        status: `ok`, or `forfeit` where the organism misses a claim.
        reason: the claims missed, and by how much.
        adapter: SHA-256 of its tensors.
        steps: how many its training took.
    """

    round: Annotated[int, WHOLE]
    part: Annotated[str, WORD]
    number: Annotated[int, WHOLE]
    move: Annotated[str, HASH]
    name: Annotated[str, NAME]
    recipe: Annotated[Mapping[str, Json], JSON]
    parameters: Annotated[Mapping[str, Json], JSON]
    status: Annotated[str, WORD]
    reason: Annotated[str, TEXT]
    adapter: Annotated[str, HASH]
    steps: Annotated[int, WHOLE]


TABLES = sa.MetaData()

RUNS = RecordTable(TABLES, "runs", RunRecord, key=("name",), volatile=("machine", "opened_at"), of_run=False)
METHODS = RecordTable(TABLES, "methods", MethodRecord, key=("hash",), of_run=False)
TASKS = RecordTable(TABLES, "tasks", TaskRecord, key=("task",))
QUESTIONS = RecordTable(TABLES, "questions", QuestionRecord, key=("question_hash",))
PROPOSALS = RecordTable(TABLES, "proposals", ProposalRecord, key=("iteration",))
PARTS = RecordTable(TABLES, "parts", PartRecord, key=("iteration", "slot"))
INTERPRETATIONS = RecordTable(
    TABLES,
    "interpretations",
    InterpretationRecord,
    key=("method", "target", "corpus", "rulebook"),
    volatile=("seconds",),
)
EVALUATIONS = RecordTable(
    TABLES,
    "evaluations",
    EvaluationRecord,
    key=("stage", "method", "question_hash"),
    volatile=("cpu_seconds", "unexplained_cpu_seconds", "seconds"),
    numbered=True,
    once=("one_evaluation_each", ("run", "stage", "method", "question_hash")),
)
CURVES = RecordTable(TABLES, "curves", CurveRecord, key=("evaluation", "seed"), of_run=False)
ROUNDS = RecordTable(TABLES, "rounds", RoundRecord, key=("iteration",), volatile=("seconds",))
STATES = RecordTable(TABLES, "states", StateRecord, key=("iteration",))
OPENINGS = RecordTable(
    TABLES,
    "openings",
    OpeningRecord,
    key=("kind", "number"),
    once=("one_opening_each", ("run", "kind", "method", "iteration")),
)
USES = RecordTable(TABLES, "uses", UseRecord, key=("number",))
DRAWS = RecordTable(TABLES, "draws", DrawRecord, key=("iteration", "method"))
CALLS = RecordTable(TABLES, "calls", CallRecord, key=("number",))
ANSWERS = RecordTable(TABLES, "answers", AnswerRecord, key=("number",), volatile=("seconds",))
MOVES = RecordTable(TABLES, "moves", MoveRecord, key=("round", "part", "number"))

OF_A_RUN: tuple[RecordTable[Any], ...] = (
    TASKS,
    QUESTIONS,
    PROPOSALS,
    PARTS,
    INTERPRETATIONS,
    EVALUATIONS,
    ROUNDS,
    STATES,
    OPENINGS,
    USES,
    DRAWS,
    CALLS,
    ANSWERS,
    MOVES,
)
"""The tables whose records belong to a run, in the order of the export."""

NAMING_METHODS: tuple[RecordTable[Any], ...] = (PROPOSALS, PARTS, USES, CALLS)
"""The tables through which a run holds the sources of methods."""
