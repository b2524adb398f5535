"""A search in which everything is real but the computing: conduct, arms, stores, ledger, guard and sealed test.

Workers are functions of hashes, and an executor's curves are made up from a method's source. So a whole search takes
a second, and a test can kill it hundreds of times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
from fake_arms import curve, uniform

from istar.arms import sandboxed as evaluating
from istar.arms.sandboxed import SandboxArms
from istar.arms.task_questions import with_references
from istar.flops.meter import MeterReading
from istar.ledger import QuestionRecord
from istar.methods.contract import Interpretation
from istar.methods.recording import ChannelBatch
from istar.protocol import setup as conducting
from istar.protocol.config import SearchConfig, StageSize
from istar.protocol.run_folder import RunFolder
from istar.protocol.setup import Setup, conduct
from istar.protocol.unseal import unseal
from istar.questions import Question
from istar.sandbox import InterpretOutcome, WorkerRecording
from istar.sandbox.client import checked_hash
from istar.targets import Target, load_target
from istar.targets.standard_runs import StandardRun, StreamBill
from istar.tasks.family import task as task_of
from istar.testing.stores import make_table
from istar.truth import TaskSummary, default_store, stored_tables
from istar.truth import store as table_stores
from istar.truth.store import user_folder

TARGET = "ab" * 32
TASKS = {
    "train": ("shot_shapley/antonyms", "shot_shapley/capitals"),
    "validation": ("prompt_ceiling/places",),
    "test": ("loss_quantile/kjv",),
}
QUESTIONS = 3
RUN = "run"


@cache
def made_up_target() -> Target:
    """Return a target that a researcher may look at, under the id that the tables are of."""
    return replace(load_target("tiny-random"), id=TARGET, name="made-up")


def config(**changes: object) -> SearchConfig:
    """Return the settings of a small search through all stages."""
    made_up_target()  # once, so that no child that is forked to be killed does it
    sizes = {stage: StageSize(questions=QUESTIONS, tasks=TASKS[stage]) for stage in ("train", "validation", "test")} | {
        "screen": StageSize(questions=1, tasks=TASKS["train"][:1])
    }
    few = {"methods": 4, "executor_seeds": 2, "screen_floor": -9.0, "validate_above": -9.0}
    return SearchConfig(**{"target": "made-up", "researcher": "random", **few, **sizes, **changes})


def table(task: str, index: int):
    """Return a small table of a task; its values follow from its name."""
    made = make_table(index, TARGET, seed=sum(task.encode()))
    question = made.question
    renamed = Question(task, index, question.runs, question.structure, question.functional)
    return replace(made, question=renamed, provenance=replace(made.provenance, seed=0))


def write_tables() -> None:
    """Write the tables of all tasks to the user's store."""
    for tasks in TASKS.values():
        for name in tasks:
            for index in range(QUESTIONS):
                default_store().write(table(name, index))


@dataclass
class ForgedWorker:
    """Answers as a worker would, from hashes."""

    source: str
    method_hash: str
    target_id: str = TARGET
    jail: object = None

    def interpret(self, corpus: object, seed: int = 0) -> InterpretOutcome:
        interpretation = Interpretation(
            {"weights": torch.from_numpy(_noise(self.method_hash, size=64))}, {"of": self.method_hash}
        )
        content = interpretation.to_bytes()
        reading = MeterReading("v1", 7, 7, {"mm": 7}, {"interpret": 7}, {})
        return InterpretOutcome(Interpretation.from_bytes(content), content, reading, 0.5, 0.5, "forged")

    def record(self, view, question_hash, batches, interpretation, *, max_flops, shelf=None, **_) -> WorkerRecording:
        answered, flops = [], 0
        for number, rows in enumerate(batches):
            if shelf is not None:
                shelf.take(number, 1)
            flops += 10 * len(rows)
            channels = np.stack([_noise(self.method_hash, question_hash, row, size=2) for row in rows])
            answered.append(ChannelBatch(np.asarray(rows, np.int64), channels, flops, {"mm": flops}, flops))
        return WorkerRecording(
            self.method_hash,
            question_hash,
            TARGET,
            "v1",
            tuple(answered),
            0,
            by_op={"mm": flops},
            total_flops=flops,
            tier="forged",
        )


def _noise(*parts: object, size: int) -> np.ndarray:
    seed = int(hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:8], 16)
    return np.random.default_rng(seed).normal(size=size).astype(np.float32)


class ForgedArms(SandboxArms):
    """The arms of a real search, with workers and executors that compute nothing."""

    def __enter__(self) -> ForgedArms:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def stop(self) -> None:
        pass

    @contextmanager
    def worker(self, source: str, name: str) -> Iterator[ForgedWorker]:
        yield ForgedWorker(source, checked_hash(source, name))

    def priced(self, table):
        return QuestionRecord(table.question.hash, table.question.task, "v1", {"tokens": {"mm": table.brute_flops}})

    def appraisal(self, table, recording):
        return None

    def state(self, table):
        return None

    def executor(self):
        return SimpleNamespace(learn=lambda history: None, ignores_channels=lambda market, state: False, identity=str)

    def replay_seed(self, table, recording, number, state):
        arm = "black_box" if recording is None else "white_box"
        advantage = 0.0 if recording is None else 3 * uniform(recording.method_hash) - 0.5
        return curve(table, number, arm, advantage)

    def standard_run(self, jail, view, rows):
        values = _noise(len(rows), size=3 * len(rows) * 4).reshape(3, len(rows), 4)
        return StandardRun(values, tuple(StreamBill({"mm": layer}, layer) for layer in range(3)))


@contextmanager
def set_up(settings: SearchConfig, stages: Sequence[str], *_: object, **__: object) -> Iterator[Setup]:
    """Stand in for `istar.protocol.setup.set_up`."""
    names = [name for tasks in TASKS.values() for name in tasks]
    with mock.patch.object(
        table_stores, "shipped_folder", return_value=user_folder() / "none"
    ):  # hundreds of other tables
        questions = {name: with_references(name, tuple(stored_tables(name, TARGET))) for name in names}
    summaries = tuple(
        TaskSummary(
            name, task_of(name).family.name, task_of(name).split, "made-up", QUESTIONS, 32, 10, 1, 0.9, "active", ""
        )
        for name in names
    )
    target = made_up_target()
    with (
        mock.patch.object(evaluating, "choose_tier", return_value=SimpleNamespace(name="forged")),
        ForgedArms(settings, target, SimpleNamespace(hash="c" * 64), questions.values()) as arms,
    ):
        yield Setup(settings, target, SimpleNamespace(hash="c" * 64), summaries, questions, arms)


def search_and_unseal(runs: Path, settings: SearchConfig) -> None:
    """Search in a folder from wherever it is, then open the sealed test."""
    folder = RunFolder(runs / RUN)
    with mock.patch.object(conducting, "set_up", set_up):
        conduct(folder, settings)
        with folder.alone(), set_up(settings, ("test",)) as setup, folder.ledger() as ledger:
            unseal(setup, ledger, RUN)


def export(runs: Path) -> list[str]:
    """Return the lines of the run's ledger."""
    with RunFolder(runs / RUN).ledger(read_only=True) as ledger:
        return list(ledger.export(RUN))
