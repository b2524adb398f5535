"""Arms in memory for tests of the search: curves are functions of hashes, and every call is counted."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

from istar.arms.base import Evaluation
from istar.ledger import InterpretationRecord, QuestionRecord, Spending
from istar.methods.contract import MethodError
from istar.rewards.curves import Curve

SEEDS = (0, 1)


def table(task: str, index: int):
    """A table of which only the name matters."""
    digest = hashlib.sha256(f"{task}{index}".encode()).hexdigest()
    question = SimpleNamespace(task=task, index=index, hash=digest, family=task.split("/", maxsplit=1)[0])
    return SimpleNamespace(question=question, brute_flops=2**20)


def uniform(*parts) -> float:
    """A number between 0 and 1 that looks random."""
    return int(hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:8], 16) / 16**8


def curve(table, seed: int, arm: str, advantage: float) -> Curve:
    """A curve that reaches each skill `2 ** advantage` times as early as that of advantage 0."""
    checkpoints = tuple(2**power for power in range(12, 21))
    noise = 0.1 * uniform(table.question.hash, seed)
    skill = (*tuple(min(1.0, max(0.0, (power - 12 + 2 * advantage) / 9 + noise)) for power in range(12, 20)), 1.0)
    return Curve(
        task=table.question.task,
        question_hash=table.question.hash,
        seed=seed,
        arm=arm,
        brute_flops=2**20,
        total_rows=64,
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


class FakeArms:
    """A method's advantage is a function of its source.

    `fail` says which sources raise, `fail_at` which of them fail on which tasks, `kill_after` when to stop dead.
    """

    def __init__(
        self,
        *,
        fail=lambda source: False,
        fail_at=lambda source, task: False,
        kill_after: int | None = None,
        advantage=None,
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.fail = fail
        self.fail_at = fail_at
        self.kill_after = kill_after
        self.advantage = advantage or (lambda source: 3 * uniform(source) - 0.5)

    def _count(self, what: str) -> None:
        self.calls[what] += 1
        if self.kill_after is not None and self.calls.total() > self.kill_after:
            raise KeyboardInterrupt

    def baseline(self, table):
        self._count(f"baseline {table.question.task} {table.question.index}")
        return Evaluation(tuple(curve(table, seed, "black_box", 0.0) for seed in SEEDS))

    def priced(self, table):
        return QuestionRecord(table.question.hash, table.question.task, "v1", {"tokens": {"mm": table.brute_flops}})

    def stop(self):
        self.calls["stop"] += 1

    def interpretation_key(self, method):
        return method, "target", "corpus", "v1"

    @contextmanager
    def session(self, source, name, parts=()):
        yield FakeSession(self, source)


class FakeSession:
    def __init__(self, arms: FakeArms, source: str) -> None:
        self.arms, self.source = arms, source
        self.method = hashlib.sha256(source.encode()).hexdigest()

    def interpret(self):
        self.arms._count(f"interpret {self.method}")
        if self.arms.fail(self.source):
            raise MethodError("it divided by zero")
        return InterpretationRecord(self.method, "target", "corpus", "v1", flops=7, bytes=8, sha256="0" * 64)

    def evaluate(self, table, others=()):
        self.arms._count(f"evaluate {self.method} {table.question.task} {table.question.index}")
        if self.arms.fail_at(self.source, table.question.task):
            return Evaluation((), status="error", reason="it ran out of memory")
        advantage = self.arms.advantage(self.source)
        curves = tuple(curve(table, seed, "white_box", advantage) for seed in SEEDS)
        return Evaluation(
            curves,
            Spending(
                flops=1 + int(1000 * uniform(self.source, table.question.hash)), rows=3, seconds=uniform(id(table))
            ),
        )
