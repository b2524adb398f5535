"""One record of each kind, for the tests of this folder."""

from __future__ import annotations

from dataclasses import replace

from istar.ledger import (
    BASELINE,
    AnswerRecord,
    BatchSpending,
    CallRecord,
    DrawRecord,
    EvaluationRecord,
    InterpretationRecord,
    Ledger,
    MoveRecord,
    PartRecord,
    ProposalRecord,
    QuestionRecord,
    RoundRecord,
    RunConfig,
    Spending,
    TaskRecord,
    UseRecord,
)
from istar.rewards import Curve

METHOD, QUESTION = "m" * 64, "q" * 64
CONFIG = RunConfig("target-id", "tiny-random", "v1", "grammar", "statistician", "log", 7, {"caps": {"rows": 0.5}})
TASK = TaskRecord("family/data", "family", "train", "ok", "", 8, 100, 10**15, 10**12, 0.9)
QUESTION_COST = QuestionRecord(QUESTION, "family/data", "v1", {"tokens": {"mm": 2**61}, "reads": {"mm": 2**61}})
PROPOSAL = ProposalRecord(0, METHOD, "lens", ("p" * 64,), {"layer": 3})
PARTS = (PartRecord(0, 1, "a" * 64, "Says one"), PartRecord(0, 2, "b" * 64, "Says two"))
INTERPRETATION = InterpretationRecord(
    METHOD, "target-id", "c" * 64, "v1", 123, 456, "s" * 64, {"mm": 100, "add": 23}, {"fit": 123}, 1.5
)
USE = UseRecord(
    0, "propose", 0, "score", METHOD, "lens", {"questions": [QUESTION]}, {"reward": 1 / 3}, questions=1, flops=2**62
)
CALL = CallRecord(0, "score", {"questions": [QUESTION]}, METHOD)
ANSWER = AnswerRecord(0, "", 2**62, 1.25)
MOVE = MoveRecord(
    0, "held out", 1, "e" * 64, "suspect-one", {"kind": "topic"}, {"drawn": {}}, "forfeit", "by 0.1", "f" * 64, 30
)
DRAW = DrawRecord(0, METHOD, 2**53 - 1, 4)
ROUND = RoundRecord(0, METHOD, "validation", "ok", "", 0.25, 0.125, 0.5, True, METHOD, 0.5, 3.0)
BATCHES = (BatchSpending(40, {"mm": 40}), BatchSpending(110, {"mm": 100, "add": 10}))
SPENDING = Spending(10, 110, 90, 64, {"mm": 110}, {"predict": 100}, {"odd": 1}, 0.5, 0.75, 0.125, BATCHES)
EVALUATION = EvaluationRecord("train", METHOD, "family/data", "train", QUESTION, 3, "ok", "", SPENDING)


def _curve(arm: str, seed: int) -> Curve:
    return Curve(
        task="family/data",
        question_hash=QUESTION,
        seed=seed,
        arm=arm,  # type: ignore[arg-type]
        brute_flops=2**62,
        total_rows=100,
        reference_loss=0.1 + 0.2,
        checkpoints=(2**54, 2**62),
        flops=(2**53, 2**62),
        loss=(1 / 3, 0.0),
        skill=(-1 / 9, 1.0),
        rows=(1, 100),
        channel_batches=(0, 2),
        executor_flops=(5, 6),
        stop_flops=2**60,
        stop_rows=50,
        stop_loss=0.01,
        stop_skill=0.97,
    )


BLACK = (_curve("black_box", 0), _curve("black_box", 1))
WHITE = (_curve("white_box", 0), _curve("white_box", 1))


def fill(ledger: Ledger, *, run: str = "run", seconds: float = 0.0) -> None:
    """Write one record of each kind; `seconds` is what a slower machine would measure more."""
    ledger.open_run(run, CONFIG, versions={"istar": "0.1.0"}, machine={"cores": "2"})
    ledger.add_tasks(run, [TASK])
    ledger.add_question(run, QUESTION_COST)
    ledger.add_method(run, PROPOSAL, "def interpret(): ...\n", [(part, f"{part.title}\n") for part in PARTS])
    ledger.add_draw(run, DRAW)
    ledger.add_use(run, USE, "def interpret(): ...\n")
    ledger.add_call(run, CALL, "def interpret(): ...\n")
    ledger.add_move(run, MOVE)
    ledger.add_answer(run, replace(ANSWER, seconds=1.25 + seconds))
    ledger.add_interpretation(run, replace(INTERPRETATION, seconds=1.5 + seconds))
    ledger.add_evaluation(run, replace(EVALUATION, stage="baseline", method=BASELINE, spending=Spending()), BLACK)
    spending = replace(SPENDING, cpu_seconds=0.5 + seconds, seconds=0.75 + seconds)
    ledger.add_evaluation(run, replace(EVALUATION, spending=spending), WHITE)
    ledger.add_round(run, replace(ROUND, seconds=3.0 + seconds), {"trials": [1, 2.5, None]})
