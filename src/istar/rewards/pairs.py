"""Both arms side by side: the curves of a set of evaluations as arrays, question by question and seed by seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from istar.rewards.budgets import shares_of
from istar.rewards.curves import Curve, CurveError

SKILL_FLOOR = -1.0
"""Skills below this count as this much: how bad a useless answer is must not decide an average over questions."""


@dataclass(frozen=True)
class TaskPairs:
    """The curves of one task.

    Questions differ in where their checkpoints begin. Those of a question with fewer than another stand in the last
    places, and the first places are NaN: a place is no budget, and nothing is averaged over questions by place.

    Attributes:
        task: the task's name.
        questions: the questions' hashes, sorted.
        log_budgets: natural logarithm of each budget as a share of brute force.
        black: skill of the black-box arm, not under `SKILL_FLOOR`.
        white: skill of the white-box arm with the same executor seeds, likewise.
    """

    task: str
    questions: tuple[str, ...]
    log_budgets: Float[np.ndarray, "questions checkpoints"]
    black: Float[np.ndarray, "questions seeds checkpoints"]
    white: Float[np.ndarray, "questions seeds checkpoints"]

    @property
    def family(self) -> str:
        """The name of the task's family."""
        return self.task.split("/", maxsplit=1)[0]


def match(baseline: Sequence[Curve], interp: Sequence[Curve]) -> list[tuple[Curve, Curve]]:
    """Return the curves of both arms in pairs of one question and seed, sorted by task, question and seed.

    Args:
        baseline: curves of the black-box arm.
        interp: curves of the white-box arm.

    Raises:
        CurveError: there are none, one lacks its partner, or two partners disagree on the table or the budgets.
    """

    def by_key(curves: Sequence[Curve], arm: str) -> dict[tuple[str, str, int], Curve]:
        keyed = {(curve.task, curve.question_hash, curve.seed): curve for curve in curves}
        if len(keyed) != len(curves) or any(curve.arm != arm for curve in curves):
            raise CurveError(f"the {arm} arm was given curves of the other arm, or two of one question and seed")
        return keyed

    black, white = by_key(baseline, "black_box"), by_key(interp, "white_box")
    if not black and not white:
        raise CurveError("there are no curves to compare")
    if alone := sorted(black.keys() ^ white.keys()):
        task, question, seed = alone[0]
        raise CurveError(
            f"{len(alone)} curves have no partner in the other arm, the first being {task}, question {question[:12]}, "
            f"seed {seed}; evaluate both arms on the same questions with the same seeds"
        )
    pairs = [(black[key], white[key]) for key in sorted(black)]
    for one, other in pairs:
        if (one.checkpoints, one.brute_flops, one.reference_loss) != (
            other.checkpoints,
            other.brute_flops,
            other.reference_loss,
        ):
            raise CurveError(
                f"{one.task}, question {one.question_hash[:12]}: the arms differ in budgets, brute-force FLOPs or "
                "reference loss; one of them comes from another table or another version of istar: ask both anew, in a "
                "run of another name"
            )
    return pairs


def pair(baseline: Sequence[Curve], interp: Sequence[Curve]) -> tuple[TaskPairs, ...]:
    """Return the curves of both arms as one `TaskPairs` a task, sorted by task.

    Raises:
        CurveError: see `match`; or the questions of a task differ in their numbers of seeds, or the seeds of a question
            in their checkpoints.
    """
    questions: dict[tuple[str, str], list[tuple[Curve, Curve]]] = defaultdict(list)
    for black, white in match(baseline, interp):
        questions[(black.task, black.question_hash)].append((black, white))
    tasks: dict[str, list[list[tuple[Curve, Curve]]]] = defaultdict(list)
    for (task, _), seeds in questions.items():
        tasks[task].append(seeds)
    return tuple(_task_pairs(task, members) for task, members in tasks.items())


def _task_pairs(task: str, questions: list[list[tuple[Curve, Curve]]]) -> TaskPairs:
    counts = {len(seeds) for seeds in questions}
    if len(counts) != 1:
        raise CurveError(
            f"the questions of {task} differ in their numbers of seeds: {sorted(counts)}; evaluate all of them alike"
        )
    for seeds in questions:
        if len({curve.checkpoints for curve, _ in seeds}) != 1:
            raise CurveError(
                f"{task}, question {seeds[0][0].question_hash[:12]}: its seeds differ in their budgets; evaluate all "
                "of them with one version"
            )
    most = max(len(seeds[0][0].checkpoints) for seeds in questions)
    budgets = [_last(most, np.log(shares_of(seeds[0][0]))) for seeds in questions]
    skills = np.array([[[_last(most, arm.skill) for arm in both] for both in seeds] for seeds in questions])
    skills = np.maximum(skills, SKILL_FLOOR)
    return TaskPairs(
        task,
        tuple(seeds[0][0].question_hash for seeds in questions),
        np.stack(budgets),
        skills[:, :, 0],
        skills[:, :, 1],
    )


def _last(most: int, series: Sequence[float] | Float[np.ndarray, " checkpoints"]) -> Float[np.ndarray, " most"]:
    """Return a series in the last of so many places, NaN in the first."""
    return np.concatenate([np.full(most - len(series), np.nan), np.asarray(series, dtype=np.float64)])
