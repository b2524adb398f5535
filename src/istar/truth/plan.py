"""What building tables would cost, before anything is built."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from istar.errors import IstarError
from istar.flops import price_sheet
from istar.questions import Question, Run, build_trie
from istar.seeds import Seed
from istar.targets import Target
from istar.tasks import Task
from istar.truth.asked import Asked
from istar.truth.build import check_registered, prices_of, provenance, skipping, tables_of, wanting
from istar.truth.parquet import table_bytes
from istar.truth.store import TruthStore, default_store
from istar.truth.table import Table

SAMPLE_TOKENS = 1024
"""About how many unique tokens are run to learn how fast this machine is."""
WARM_UP_ROWS = 4


@dataclass(frozen=True)
class PlannedTable:
    """A table that is not built yet.

    Attributes:
        task: the task's name.
        index: which question.
        stale: whether it replaces one that answers another question than is asked now.
        rows: number of runs.
        unique_tokens: tokens that are processed.
        flops: FLOPs of brute force.
        size_bytes: what its file will take, nearly.
    """

    task: str
    index: int
    stale: bool
    rows: int
    unique_tokens: int
    flops: int
    size_bytes: int


def plan_truth(
    chosen: Sequence[Task],
    target: Target,
    *,
    questions: range = range(8),
    seed: int = 0,
    store: TruthStore | None = None,
    force: bool = False,
    on_skip: Callable[[Task, IstarError], None] | None = None,
) -> Iterator[tuple[PlannedTable, Question]]:
    """Yield what `istar.truth.build_truth` would build, with the question of each table; see there for the arguments.

    Setting up interventions is metered, once for each kind; no row is run.
    """
    place = default_store() if store is None else store
    asked = Asked(target.tokenizer)
    stored = tables_of(place, target.id, seed)
    for task in chosen:
        with skipping(task, on_skip):
            for index, stale in wanting(task, questions, stored, asked, force):
                question = asked.question(task, index, seed)
                check_registered(question)
                yield _planned(target, question, stale, seed), question


def _planned(target: Target, question: Question, stale: bool, seed: int) -> PlannedTable:
    rows = len(question.runs)
    prices = prices_of(target, question)
    # real values do not compress either; made-up ones show what a file takes
    values = Seed.root(seed).split("plan", question.hash).generator().standard_normal(rows)
    return PlannedTable(
        question.task,
        question.index,
        stale,
        rows,
        build_trie(question.runs).unique_tokens,
        prices.total,
        table_bytes(Table(question, values, prices, provenance(target, question, seed))),
    )


def flops_per_second(target: Target, question: Question) -> float:
    """Return how many FLOPs a second of wall-clock time does on this machine, from a short run of plain rows.

    An estimate: what else the machine does, longer contexts and interventions change it.

    Args:
        target: what is run.
        question: some of its rows are run, without their interventions.
    """
    runs = [Run(run.tokens, run.readout) for run in question.runs[:: max(1, len(question.runs) // 64)]]
    chosen: list[Run] = []
    while runs and (not chosen or build_trie(chosen).unique_tokens < SAMPLE_TOKENS):
        chosen.append(runs.pop(0))
    with torch.no_grad():
        target.values(chosen[:WARM_UP_ROWS])
        started = time.perf_counter()
        target.values(chosen)
        seconds = time.perf_counter() - started
    return float(np.float64(price_sheet(build_trie(chosen), chosen, target.costs).total) / max(seconds, 1e-9))
