"""The tables that are part of the package are what they say they are."""

from __future__ import annotations

import time

import numpy as np
import pytest

from istar.tasks import Task, tasks
from istar.truth import load_tables, shipped_folder, task_summaries
from istar.truth.parquet import ParquetStore

SMOLLM2 = "smollm2-135m"
STORE = ParquetStore(shipped_folder())


@pytest.mark.parametrize("task", tasks(), ids=lambda task: task.name)
def test_every_task_has_eight_reliable_and_dear_questions(task: Task) -> None:
    (summary,) = task_summaries(SMOLLM2, [task], store=STORE)
    assert summary.questions >= 8
    assert summary.status == "active", summary.reason
    assert summary.reliability is not None
    assert summary.reliability >= 0.8
    assert summary.brute_flops >= 100 * summary.dearest_run_flops


def test_tables_are_small_and_load_fast() -> None:
    assert sum(path.stat().st_size for path in shipped_folder().rglob("*.parquet")) < 10e6
    load_tables("shot_shapley/antonyms", SMOLLM2, 1, store=STORE)
    start = time.process_time()
    load_tables("shot_shapley/capitals", SMOLLM2, 1, store=STORE)
    assert time.process_time() - start < 0.5


@pytest.mark.smollm2
@pytest.mark.parametrize("task", tasks(), ids=lambda task: task.name)
def test_shipped_questions_and_values_are_rebuilt(task: Task) -> None:
    from istar.targets import load_target

    target = load_target(SMOLLM2)
    table = load_tables(task.name, target.id, 1, store=STORE)[0]
    assert task.question(target.tokenizer, 0).hash == table.question.hash
    assert table.prices.total == table.brute_flops
    rows = np.random.default_rng(0).permutation(len(table.values))[:4]
    slow = [target.slow_value(table.question.runs[row]) for row in rows]
    assert np.abs(table.values[rows] - slow).max() < 1e-3
