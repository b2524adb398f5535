"""Which tasks the stages of the cascade ask: checked by name, before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from istar.errors import IstarError
from istar.tasks.family import RewardedSplit, check_rewardable, select_tasks, task

if TYPE_CHECKING:
    from istar.ledger.schema import Stage
    from istar.protocol.config import SearchConfig, StageSize

SPLIT_OF_STAGE: dict[Stage, RewardedSplit] = {
    "screen": "train",
    "train": "train",
    "validation": "validation",
    "test": "test",
}


class TasksError(IstarError):
    """Tasks that cannot be asked at the stage they are named for."""


def named_tasks(config: SearchConfig, stage: Stage) -> tuple[str, ...]:
    """Return the tasks that the settings name for a stage, none if they name none.

    The screen asks one of the training stage's. A family or a split stands for all of its tasks. The test may ask a
    validation family, by name, in a run whose own validation leaves it out: nothing there has seen it either.

    Raises:
        TasksError: one is of another split, or of a family that the run's own validation asks.
        TaskError: there is no such task.
        BarredError: one is barred from rewards.
    """
    size: StageSize = getattr(config, stage)
    names = size.tasks or (config.train.tasks if stage == "screen" else ())
    chosen = tuple(each.name for each in select_tasks(names)) if names else ()
    wanted = SPLIT_OF_STAGE[stage]
    for name in chosen:
        split = check_rewardable(name)
        if stage == "test" and split == "validation":
            _check_left_out(config, name)
        elif split != wanted:
            raise TasksError(
                f"{name!r} is of the {split} split, and stage {stage!r} asks tasks of the {wanted} split; see `istar "
                f"tasks {wanted}`"
            )
    return chosen


def _check_left_out(config: SearchConfig, name: str) -> None:
    """Raise unless the run's validation asks nothing of the family of a validation task that its test is to ask."""
    validated = {task(each).family.name for each in named_tasks(config, "validation")}
    if not validated or task(name).family.name in validated:
        raise TasksError(
            f"{name!r} is of the validation split, and the run's validation asks its family: a test may ask a "
            "validation family alone that the run's own validation, its tasks named, leaves out; see `istar tasks test`"
        )


def shown_tasks(config: SearchConfig) -> tuple[str, ...]:
    """Return the training tasks that the settings have the researcher shown beside those that the search trains on.

    Raises:
        TasksError: one is of another split.
        TaskError: there is no such task.
        BarredError: one is barred from rewards.
    """
    chosen = tuple(each.name for each in select_tasks(config.workbench.tasks)) if config.workbench.tasks else ()
    for name in chosen:
        split = check_rewardable(name)
        if split != "train":
            raise TasksError(
                f"{name!r} is of the {split} split, and a researcher is shown training tasks alone (`workbench`: "
                "`tasks`); see `istar tasks train`"
            )
    return chosen


def check_tasks(config: SearchConfig, stages: Sequence[Stage]) -> None:
    """Check that the tasks named for some stages can be asked there; see `named_tasks` for what is raised."""
    for stage in stages:
        named_tasks(config, stage)
    shown_tasks(config)
