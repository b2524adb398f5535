"""Small tables on the tiny target, so that a whole search takes seconds."""

from __future__ import annotations

from istar.targets import load_target
from istar.tasks import Task
from istar.tasks.loss_quantile import LossQuantile
from istar.tasks.prompt_ceiling import PromptCeiling
from istar.tasks.shot_shapley import ShotShapley
from istar.truth import build_truth

TINY_FAMILIES = (ShotShapley(shots=4, queries=4), PromptCeiling(examples=8), LossQuantile(sequences=64))


def tiny_tasks():
    """One small task of each split."""
    return [Task(family, family.data_sets[0]) for family in TINY_FAMILIES]


def build_tiny_truth(questions: int = 4):
    """Build the tables under ISTAR_HOME and return the tasks' names by split."""
    target = load_target("tiny-random")
    chosen = tiny_tasks()
    list(build_truth(chosen, target, questions=range(questions)))
    return {each.split: each.name for each in chosen}
