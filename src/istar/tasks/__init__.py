"""Seeded generators of questions, one file per family.

Importing this package imports every module in it, so that adding a family is adding a file.
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

for _module in pkgutil.iter_modules(__path__):
    if not _module.ispkg:
        importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "FAMILIES",
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
