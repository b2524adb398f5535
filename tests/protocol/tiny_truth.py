"""Small tables on the tiny target, so that a whole search takes seconds."""

from __future__ import annotations

from tiny_families import TINY_FAMILIES

from istar.targets import load_target
from istar.tasks import FAMILIES, Task
from istar.truth import build_truth


def tiny_tasks():
    """One small task of each split."""
    return [Task(family, family.data_sets[0]) for family in TINY_FAMILIES]


def build_tiny_truth(patch, questions: int = 4):
    """Build the tables under ISTAR_HOME and return the tasks' names by split; for as long as `patch` is in force."""
    for family in TINY_FAMILIES:
        patch.setitem(FAMILIES._entries, family.name, family)
    target = load_target("tiny-random")
    chosen = tiny_tasks()
    list(build_truth(chosen, target, questions=range(questions)))
    return {each.split: each.name for each in chosen}
