"""Arms in memory for tests of the search: every call is counted, and may fail or be killed."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

from istar.arms.base import Evaluation
from istar.methods.contract import MethodError
from istar.testing.practice import SEEDS, PracticeArms, PracticeSession, uniform
from istar.testing.practice import made_up_curve as curve

__all__ = ["SEEDS", "FakeArms", "curve", "table", "uniform"]


def table(task: str, index: int):
    """A table of which only the name matters."""
    digest = hashlib.sha256(f"{task}{index}".encode()).hexdigest()
    question = SimpleNamespace(task=task, index=index, hash=digest, family=task.split("/", maxsplit=1)[0])
    return SimpleNamespace(question=question, brute_flops=2**20)


class FakeArms(PracticeArms):
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
        super().__init__(advantage)
        self.calls: Counter[str] = Counter()
        self.fail = fail
        self.fail_at = fail_at
        self.kill_after = kill_after

    def asked(self, what: str) -> None:
        self.calls[what] += 1
        if self.kill_after is not None and self.calls.total() > self.kill_after:
            raise KeyboardInterrupt

    def stop(self):
        self.calls["stop"] += 1

    @contextmanager
    def session(self, source, name, parts=()):
        yield FakeSession(self, source)


class FakeSession(PracticeSession):
    def interpret(self):
        record = super().interpret()
        if self.arms.fail(self.source):
            raise MethodError("it divided by zero")
        return record

    def evaluate(self, table, others=()):
        evaluation = super().evaluate(table, others)
        if self.arms.fail_at(self.source, table.question.task):
            return Evaluation((), status="error", reason="it ran out of memory")
        return replace(evaluation, spending=replace(evaluation.spending, seconds=uniform(id(table))))
