"""Skill: a loss on a scale where 0 is the blind answer and 1 the truth.

`skill = 1 - loss / reference`, the skill score of forecasting (A. H. Murphy, Skill scores based on the mean square
error, 1988), for any loss that is zero at the truth. The reference is the loss of the blind answer, the best one
with no run bought. On a question where the blind answer happens to be nearly right that loss is close to zero and
skill would be a ratio of two accidents; so the reference never falls under a quarter of the mean blind loss of the
task. Where the floor acts, the blind answer has a skill above 0, as it should: it was a good answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from istar.errors import IstarError

if TYPE_CHECKING:
    from istar.truth.table import Table

REFERENCE_FLOOR = 0.25
"""The reference loss of a question is at least this share of the task's mean blind loss."""


class SkillError(IstarError):
    """Losses from which no skill can be computed."""


def skill(loss: Float[np.ndarray, "*shape"] | float, reference: float) -> Float[np.ndarray, "*shape"]:
    """Return the skill of losses: 1 at loss 0, 0 at the reference loss, below 0 above it.

    Args:
        loss: losses, at least 0.
        reference: the reference loss, above 0, in the same unit.

    Raises:
        SkillError: a loss is negative or not finite, or the reference is not a positive number.
    """
    array = np.asarray(loss, dtype=np.float64)
    if not np.isfinite(reference) or reference <= 0:
        raise SkillError(
            f"the reference loss is {reference!r}: the blind answer equals the truth on every question of the task, "
            "so no answer can be better; drop the task"
        )
    if not np.isfinite(array).all() or (array < 0).any():
        raise SkillError("a loss is negative or not finite; a functional's loss must be 0 at the truth and finite")
    return 1.0 - array / reference


def blind_loss(table: Table, blind_answer: Float[np.ndarray, " outputs"]) -> float:
    """Return the loss of the blind answer on one question."""
    question = table.question
    return float(question.functional.loss(blind_answer, table.values, question.structure))


def reference_losses(blind_losses: Sequence[float]) -> tuple[float, ...]:
    """Return the reference loss of every question of a task.

    Args:
        blind_losses: the blind answer's loss on each question of one task, all that are stored, so that the
            reference of a question does not depend on which others are being scored.

    Returns:
        Each question's own blind loss, raised to a quarter of the task's mean where it is lower.

    Raises:
        SkillError: there is no question, or the mean is zero or not finite.
    """
    mean = float(np.mean(blind_losses)) if len(blind_losses) else 0.0
    if not np.isfinite(mean) or mean <= 0:
        raise SkillError(
            f"the mean blind loss over {len(blind_losses)} questions is {mean!r}; a skill score needs one above 0"
        )
    return tuple(max(float(loss), REFERENCE_FLOOR * mean) for loss in blind_losses)
