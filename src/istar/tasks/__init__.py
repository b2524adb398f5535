"""Seeded generators of questions, one file per family.

Importing this package imports every module in it, so that adding a family is adding a file; but for those whose tables
are not built yet, which are families only where their module is imported.
"""

import importlib
import pkgutil

from istar.tasks.family import (
    FAMILIES,
    BarredError,
    Encoder,
    Family,
    RewardedSplit,
    Split,
    Task,
    TaskError,
    barred,
    check_rewardable,
    select_tasks,
    split_of,
    structure_of,
    task,
    tasks,
)

UNBUILT = frozenset(
    {
        "context_conflict",
        "edit_search",
        "head_knockout",
        "length_cliff",
        "paraphrase_floor",
        "quantisation_harm",
    }
)
"""Families whose tables are not built yet: no command knows them."""

for _module in pkgutil.iter_modules(__path__):
    if not _module.ispkg and _module.name not in UNBUILT:
        importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "FAMILIES",
    "UNBUILT",
    "BarredError",
    "Encoder",
    "Family",
    "RewardedSplit",
    "Split",
    "Task",
    "TaskError",
    "barred",
    "check_rewardable",
    "select_tasks",
    "split_of",
    "structure_of",
    "task",
    "tasks",
]
