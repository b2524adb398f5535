"""The tables that are part of the package are what they say they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow.parquet import read_table

from istar.flops.policing import is_policed
from istar.targets import Target, load_target
from istar.tasks import Task, tasks
from istar.tasks import task as task_of
from istar.truth import (
    Digest,
    Table,
    TaskSummary,
    asked_of,
    build_table,
    load_tables,
    shipped_folder,
    stored_tables,
    target_id,
    task_summaries,
    verify_table,
)
from istar.truth.asked import same_question
from istar.truth.build import prices_of
from istar.truth.parquet import ParquetStore
from measured import processor_seconds

STORE = ParquetStore(shipped_folder())
SHIPPED = {(digest.target_name, digest.key.task) for digest in STORE.digests()}
AT_HOME = [task for task in tasks() if (task.home, task.name) in SHIPPED]
ON_SMALL = [task for task in tasks() for name in ("tiny-text",) if (name, task.name) in SHIPPED]
MEGABYTES = 40
REBUILT_FLOPS = 1.4e11
"""A question on a small target that is dearer is not built whole; a part of it is computed again."""
RECOMPUTED_FLOPS = 6e10
"""What computing rows of a question again, each alone, may take; `istar truth verify` and the audit check many more."""
IN_EVERY_RUN = 1 / 5
"""Which part of that work every run of the tests does; `make trust` does all of it."""


def first_of_family(chosen: list[Task]) -> list[Task]:
    """The first task of each family on each target."""
    found: dict[tuple[str, str], Task] = {}
    for each in chosen:
        found.setdefault((each.family.name, each.home), each)
    return list(found.values())


def _fraction(table: Table) -> float:
    return RECOMPUTED_FLOPS / float(table.prices.row_flops.sum())


@pytest.fixture(scope="module")
def summaries() -> dict[str, TaskSummary]:
    return {each.name: each for each in task_summaries(None, AT_HOME, store=STORE, thorough=False)}


@pytest.fixture(scope="module")
def digests() -> dict[tuple[str, str], list[Digest]]:
    found: dict[tuple[str, str], list[Digest]] = {}
    for each in STORE.digests():
        found.setdefault((each.target_name, each.key.task), []).append(each)
    return found


@pytest.mark.parametrize("task", AT_HOME, ids=lambda task: task.name)
def test_every_task_has_eight_questions_and_says_whether_they_are_sound(
    task: Task, summaries: Any, digests: Any
) -> None:
    summary = summaries[task.name]
    assert summary.questions >= 8
    if task.judged or task.split == "use":
        assert summary.status != "active"
    else:
        assert summary.reliability is not None
        assert summary.status == ("active" if summary.reliability >= 0.8 else "dropped")
    tables = digests[task.home, task.name]
    cheap = any(each.brute_flops < 100 * each.dearest_run_flops for each in tables)
    hidden = not all(is_policed(each.brute_flops) for each in tables)
    assert [mark.startswith("for practice: a method could hide") for mark in summary.marks] == (
        [True] * hidden + [False] * cheap
    )


@pytest.mark.trust
@pytest.mark.parametrize("task", AT_HOME, ids=lambda task: task.name)
def test_every_table_is_what_was_written_and_what_its_digest_says(task: Task, digests: Any) -> None:
    """In every run the first of each task is read, too."""
    tables = stored_tables(task.name, target_id(task.home, STORE), store=STORE)
    stated = digests[task.home, task.name]
    assert [table.key for table in tables] == [each.key for each in stated]
    for table, each in zip(tables, stated, strict=True):
        assert (table.brute_flops, table.dearest_run_flops) == (each.brute_flops, each.dearest_run_flops)


def test_tables_are_small_and_load_fast() -> None:
    assert sum(path.stat().st_size for path in shipped_folder().rglob("*.parquet")) < MEGABYTES * 1e6
    (table,) = stored_tables("shot_shapley/capitals", "smollm2-135m", 1, store=STORE)  # digests are read once
    unit = processor_seconds(lambda: read_table(STORE.path(table.key)).to_pylist())
    assert processor_seconds(lambda: stored_tables("shot_shapley/capitals", "smollm2-135m", 1, store=STORE)) < 50 * unit


@cache
def target_of(name: str) -> Target:
    return load_target(name)


def rebuilt(task: Task, folder: Path, most_flops: float) -> None:
    """Build a question on a small target again, or compute a part of it where building it is dearer."""
    target = target_of("tiny-text")
    stored = load_tables(task.name, target, 1, store=STORE)[0]
    question = task.question(target.tokenizer, 0)
    assert same_question(question, stored.question)
    prices = prices_of(target, question, stored.provenance.rulebook)
    assert prices.total == stored.brute_flops
    assert np.array_equal(prices.row_flops, stored.prices.row_flops)
    if stored.brute_flops > most_flops:
        fraction = _fraction(stored) / 4 * min(1, most_flops / REBUILT_FLOPS)  # small models take long for their FLOPs
        found = verify_table(target, stored, fraction=fraction, seed=1)
        assert found.rows >= 1
        assert found.passed, found.wrong
        return
    built = build_table(target, question, folder=folder)
    assert np.abs(built.values - stored.values).max() < 1e-3
    # set-ups have whole numbers in them, which rulebook v2 counts by their width
    assert stored.brute_flops <= built.brute_flops <= stored.brute_flops * (1 + 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("task", ON_SMALL, ids=lambda task: task.name)
def test_the_first_question_on_a_small_target_is_built_or_computed_again(task: Task, tmp_path: Path) -> None:
    rebuilt(task, tmp_path, IN_EVERY_RUN * REBUILT_FLOPS)


@pytest.mark.trust
@pytest.mark.parametrize("task", ON_SMALL, ids=lambda task: task.name)
def test_a_question_of_each_family_is_rebuilt_from_scratch_on_a_small_target(task: Task, tmp_path: Path) -> None:
    rebuilt(task, tmp_path, REBUILT_FLOPS)


@pytest.mark.trust
@pytest.mark.smollm2
@pytest.mark.parametrize("name", sorted({name for name, _ in SHIPPED}))
def test_every_shipped_table_answers_what_is_asked_now(name: str) -> None:
    asked = asked_of(name)
    stale = [
        digest.key
        for digest in STORE.digests()
        if digest.target_name == name and not asked.fits(task_of(digest.key.task), STORE, digest)
    ]
    assert not stale


@pytest.mark.slow
@pytest.mark.smollm2
@pytest.mark.parametrize("task", AT_HOME, ids=lambda task: task.name)
def test_shipped_questions_are_those_of_their_seed(task: Task) -> None:
    tokenizer = target_of(task.home).tokenizer
    table = stored_tables(task.name, target_id(task.home, STORE), 1, store=STORE)[0]
    assert same_question(task.question(tokenizer, 0), table.question)
    assert table.prices.total == table.brute_flops


def computed_again(task: Task, flops: float) -> None:
    target = target_of(task.home)
    table = load_tables(task.name, target, 1, store=STORE)[0]
    found = verify_table(target, table, fraction=min(0.02, _fraction(table)) * flops / RECOMPUTED_FLOPS, seed=1)
    assert found.rows >= 1
    assert found.passed, found.wrong


@pytest.mark.slow
@pytest.mark.smollm2
@pytest.mark.parametrize("task", first_of_family(AT_HOME), ids=lambda task: task.name)
def test_some_rows_of_a_question_of_each_family_are_computed_again(task: Task) -> None:
    computed_again(task, IN_EVERY_RUN * RECOMPUTED_FLOPS)


@pytest.mark.trust
@pytest.mark.smollm2
@pytest.mark.parametrize("task", first_of_family(AT_HOME), ids=lambda task: task.name)
def test_a_random_part_of_a_question_of_each_family_is_computed_again(task: Task) -> None:
    computed_again(task, RECOMPUTED_FLOPS)
