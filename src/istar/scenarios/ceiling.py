"""What the truth costs: the FLOPs that an executor needs with a channel that knows every value.

Nothing is run: the channel is made of the stored table, at a price of a thousandth of brute force, and the executor
learned on the task's other questions that it can be trusted. No method can leave less unexplained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import starmap
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from istar.arms.planted import curves_with, planted_recording
from istar.arms.replays import Replays
from istar.arms.settings import ArmSettings, cores
from istar.arms.task_questions import with_references
from istar.errors import IstarError
from istar.rewards.budgets import shares_of
from istar.rewards.crossing import crossings
from istar.scenarios.evidence import LEVEL
from istar.truth import load_tables

if TYPE_CHECKING:
    from istar.truth import Table

PRICE = 1e-3
"""Of the truth about all rows, as a share of brute force."""
LEARNED_FROM = 3
"""Other questions of a task on which the executor learns that the channel is to be trusted."""
WORTH_PROCESSES = 5
"""Of so many tasks, further processes are worth the seconds that they take to begin."""
TRUTH = "the truth"
EXECUTOR = "statistician"
"""Whose ceilings are replays; what another would do with the truth is not taken for granted."""


def truth_cost(replays: Replays, table: Table, others: Sequence[Table]) -> float:
    """Return what the executor needs with the truth for skill 0.8: decimal logarithm of the share of brute force.

    Args:
        replays: the executor, which knows the task of the question.
        table: the question.
        others: questions of its task on which the executor learns that the truth can be trusted.
    """
    said = {each.question.hash: planted_recording(each, each.values[:, None], PRICE) for each in (table, *others)}
    curves = curves_with(replays, table, others, said, TRUTH)
    skill = np.maximum(np.mean([curve.skill for curve in curves], axis=0), -1.0)
    cost = crossings(skill, np.log(shares_of(curves[0])), LEVEL).log_cost
    return float(cost) / float(np.log(10.0))


def task_ceiling(settings: str, target: str, name: str) -> tuple[float | None, str]:
    """Return what the truth costs on the first question of a task, or why that is not known.

    Args:
        settings: the arms' settings as JSON, of which the executor counts and one of its seeds.
        target: id of the target.
        name: the task.
    """
    try:
        tables = tuple(load_tables(name, target))
        task = with_references(name, tables)
    except IstarError as error:
        return None, str(error)
    config = ArmSettings.model_validate_json(settings).model_copy(update={"executor_seeds": 1})
    with threadpool_limits(1, user_api="blas"):
        return truth_cost(Replays(config, [task]), tables[0], tables[1 : 1 + LEARNED_FROM]), ""


def ceilings(
    config: ArmSettings, target: str, names: Sequence[str], on_task: Callable[[], None] | None = None
) -> tuple[dict[str, float], dict[str, str]]:
    """Return what the truth costs on tasks, and why that is not known of others.

    Args:
        config: the executor's settings.
        target: id of the target.
        names: the tasks.
        on_task: called after each.
    """
    if config.executor != EXECUTOR:
        why = f"what {config.executor!r} does with the truth is no replay; search with the executor {EXECUTOR!r}"
        return {}, dict.fromkeys(names, why)
    settings = ArmSettings(**{name: getattr(config, name) for name in ArmSettings.model_fields}).model_dump_json()
    found, reasons = {}, {}
    for name, (cost, why) in zip(names, _each(partial(task_ceiling, settings, target), names), strict=True):
        if cost is None:
            reasons[name] = why
        else:
            found[name] = cost
        if on_task is not None:
            on_task()
    return found, reasons


def _each(work: Callable[[str], tuple[float | None, str]], names: Sequence[str]) -> Iterator[tuple[float | None, str]]:
    """Do the work of each name: of few in this process, of many on all cores."""
    workers = min(cores(), len(names))
    if workers < 2 or len(names) < WORTH_PROCESSES:
        yield from starmap(work, ((name,) for name in names))
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, names)
