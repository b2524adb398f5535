"""A search in memory for testing researchers: made-up questions, and arms whose curves are functions of hashes.

No target is loaded and no method is run. What a method is worth depends on its source alone, and looks random.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from istar.arms.base import Evaluation
from istar.flops import PriceSheet
from istar.ledger import InterpretationRecord, Ledger, QuestionRecord, RunConfig, Spending
from istar.methods.fence import check_source
from istar.methods.side_by_side import Part
from istar.protocol.book import Book
from istar.protocol.config import SearchConfig
from istar.protocol.search import Search
from istar.protocol.workbench import Tools
from istar.questions import Column, Question, Run, SpanLogprob, Structure, UpperTail
from istar.researchers import Check, QuestionCheck, Researcher, TargetView
from istar.rewards import REWARDS
from istar.rewards.curves import Arm, Curve
from istar.truth.table import Provenance, Table

SEEDS = (0, 1)
ROWS = 64
ROW_FLOPS = 2**14
BRUTE_FLOPS = ROWS * ROW_FLOPS


def uniform(*parts: object) -> float:
    """Return a number between 0 and 1 that looks random."""
    return int(hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:8], 16) / 16**8


def made_up_table(task: str, index: int) -> Table:
    """Return a question of a task with made-up values; its rows share nothing."""
    runs = tuple(Run((0, 10 + row, 100 + index), SpanLogprob(2)) for row in range(ROWS))
    structure = Structure((Column("row", "nuisance", tuple(map(float, range(ROWS)))),))
    values = np.array([uniform(task, index, row) for row in range(ROWS)])
    prices = PriceSheet(
        segment_flops=np.zeros(1, np.int64),
        segment_tokens=np.zeros(1, np.int64),
        row_segments=csr_matrix(np.ones((ROWS, 1), np.int64)),
        row_reads_flops=np.full(ROWS, ROW_FLOPS),
    )
    provenance = Provenance("target", "practice", "float32", "v1", 0, ())
    return Table(Question(task, index, runs, structure, UpperTail(0.5)), values, prices, provenance)


def made_up_curve(table: Table, seed: int, arm: Arm, advantage: float) -> Curve:
    """Return a curve that reaches each skill `2 ** advantage` times as early as that of advantage 0."""
    checkpoints = tuple(2**power for power in range(12, 21))
    noise = 0.1 * uniform(table.question.hash, seed)
    skill = (*tuple(min(1.0, max(0.0, (power - 12 + 2 * advantage) / 9 + noise)) for power in range(12, 20)), 1.0)
    return Curve(
        task=table.question.task,
        question_hash=table.question.hash,
        seed=seed,
        arm=arm,
        brute_flops=BRUTE_FLOPS,
        total_rows=ROWS,
        reference_loss=1.0,
        checkpoints=checkpoints,
        flops=checkpoints,
        loss=tuple(1 - each for each in skill),
        skill=skill,
        rows=tuple(range(1, 10)),
        channel_batches=(0,) * 9,
        executor_flops=(0,) * 9,
        stop_flops=2**18,
        stop_rows=7,
        stop_loss=1 - skill[6],
        stop_skill=skill[6],
    )


class PracticeArms:
    """Arms whose curves are functions of hashes; a subclass may count what is asked, or fail.

    Args:
        advantage: what a method is worth, given its source.
    """

    def __init__(self, advantage: Callable[[str], float] | None = None) -> None:
        """See the class docstring."""
        self.advantage = advantage or (lambda source: 3 * uniform(source) - 0.5)

    def asked(self, what: str) -> None:
        """Take note of a question that an arm is asked, or of an interpretation."""

    def baseline(self, table: Table) -> Evaluation:
        """See `Arms`."""
        self.asked(f"baseline {table.question.task} {table.question.index}")
        return Evaluation(tuple(made_up_curve(table, seed, "black_box", 0.0) for seed in SEEDS))

    def priced(self, table: Table) -> QuestionRecord:
        """See `Arms`."""
        return QuestionRecord(table.question.hash, table.question.task, "v1", {"tokens": {"mm": table.brute_flops}})

    def stop(self) -> None:
        """See `Arms`: nothing runs."""

    def interpretation_key(self, method: str) -> tuple[str, str, str, str]:
        """See `Arms`."""
        return method, "target", "corpus", "v1"

    @contextmanager
    def session(self, source: str, name: str, parts: Sequence[Part] = ()) -> Iterator[PracticeSession]:
        """See `Arms`."""
        yield PracticeSession(self, source)


class PracticeSession:
    """A method in memory; see `Session`."""

    def __init__(self, arms: PracticeArms, source: str) -> None:
        """See the class docstring."""
        self.arms, self.source = arms, source
        self.method = hashlib.sha256(source.encode()).hexdigest()

    def interpret(self) -> InterpretationRecord:
        """See `Session`."""
        self.arms.asked(f"interpret {self.method}")
        return InterpretationRecord(self.method, "target", "corpus", "v1", flops=7, bytes=8, sha256="0" * 64)

    def record(self, table: Table) -> None:
        """See `Session`; what a method says is made up where it is evaluated."""

    def evaluate(self, table: Table, others: Sequence[Table] = ()) -> Evaluation:
        """See `Session`."""
        self.arms.asked(f"evaluate {self.method} {table.question.task} {table.question.index}")
        advantage = self.arms.advantage(self.source)
        curves = tuple(made_up_curve(table, seed, "white_box", advantage) for seed in SEEDS)
        flops = 1 + int(1000 * uniform(self.source, table.question.hash))
        return Evaluation(curves, Spending(flops=flops, rows=3))


class PracticeTarget(TargetView):
    """A target of two weights, whose tokens are characters."""

    name, id, layers, width, vocabulary = "practice", "target", 2, 4, 256
    config = {"model_type": "practice"}  # noqa: RUF012
    parts = {"embedding": "embedding", "blocks": "blocks"}  # noqa: RUF012
    weights = {"embedding": (256, 4), "blocks.0": (4, 4)}  # noqa: RUF012

    def weight(self, name: str) -> np.ndarray:
        """See `TargetView`."""
        return np.ones(self.weights[name], np.float32)

    def encode(self, text: str) -> tuple[int, ...]:
        """See `TargetView`."""
        return tuple(text.encode())

    def decode(self, tokens: Sequence[int]) -> str:
        """See `TargetView`."""
        return bytes(token % 256 for token in tokens).decode("latin-1")


def practice_check(source: str, _name: str) -> Check:
    """Return a check that runs nothing: the fence's faults, and made-up FLOPs."""
    faults = check_source(source)
    if faults:
        return Check(faults=tuple(map(str, faults)))
    flops = 1000 + int(1000 * uniform(source))
    return Check((), "", flops, 8, (QuestionCheck("plain sequences", 3, 1, flops, flops, 4 * flops),))


TRAINING = {
    f"{family}/{name}": tuple(made_up_table(f"{family}/{name}", index) for index in range(2))
    for family, name in (("shot_shapley", "antonyms"), ("context_attribution", "reviews"))
}
VALIDATION = {"prompt_ceiling/words": tuple(made_up_table("prompt_ceiling/words", index) for index in range(2))}
RUN = "practice"


def practice_search(
    researcher: Researcher,
    ledger: Ledger,
    *,
    methods: int,
    arms: PracticeArms | None = None,
    side_by_side: int = 1,
    folder: Path | None = None,
) -> Search:
    """Return a search with a researcher on made-up questions, in a ledger that may hold a part of it already.

    Args:
        researcher: without experience.
        ledger: where everything is written.
        methods: how many are tried.
        arms: the arms; others than the default may count, or be killed.
        side_by_side: how many methods are proposed together.
        folder: where the researcher may keep files; None for nowhere.
    """
    config = SearchConfig(target="practice", methods=methods, side_by_side=side_by_side, screen_floor=0.0)
    options = config.model_dump(mode="json")
    stored = RunConfig("target", "practice", "v1", researcher.name, "none", config.reward, config.seed, options)
    ledger.open_run(RUN, stored, versions={}, machine={})
    first = next(iter(TRAINING))
    return Search(
        config,
        M1=researcher,
        R=REWARDS.get(config.reward),
        T={"screen": {first: TRAINING[first][:1]}, "train": TRAINING, "validation": VALIDATION},
        arms=arms or PracticeArms(),
        book=Book(ledger, RUN),
        tools=Tools(PracticeTarget(), practice_check, TRAINING, folder),
    )
