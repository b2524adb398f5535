"""Curves with known crossings, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from istar.rewards import Curve
from istar.rewards.curves import Arm

BRUTE = 10**12
OCTAVES = np.linspace(-8, 0, 17)
LONG = np.linspace(-12, 0, 25)
"""The octaves of a question whose rows are cheap."""


def checkpoints(octaves: np.ndarray) -> tuple[int, ...]:
    return tuple(round(BRUTE * 2.0**octave) for octave in octaves)


CHECKPOINTS = checkpoints(OCTAVES)


def make_curve(
    skill: Sequence[float] | np.ndarray,
    *,
    arm: Arm = "black_box",
    task: str = "family/data",
    question: str = "q0",
    seed: int = 0,
    stop: int = 0,
    stop_rows: int = 0,
    stop_skill: float | None = None,
    octaves: np.ndarray = OCTAVES,
) -> Curve:
    values = tuple(float(each) for each in np.broadcast_to(skill, len(octaves)))
    zeros = (0,) * len(octaves)
    stop_skill = values[-1] if stop_skill is None else stop_skill
    return Curve(
        task=task,
        question_hash=question,
        seed=seed,
        arm=arm,
        brute_flops=BRUTE,
        total_rows=1000,
        reference_loss=2.0,
        checkpoints=checkpoints(octaves),
        flops=checkpoints(octaves),
        loss=tuple(2.0 * (1.0 - each) for each in values),
        skill=values,
        rows=zeros,
        channel_batches=zeros,
        executor_flops=zeros,
        stop_flops=stop,
        stop_rows=stop_rows,
        stop_loss=2.0 * (1.0 - stop_skill),
        stop_skill=stop_skill,
    )


def ramp(half: float, *, octaves_per_unit: float = 8.0) -> np.ndarray:
    """A skill that rises linearly in log FLOPs and is 0.5 at `half` octaves from brute force."""
    return 0.5 + (OCTAVES - half) / octaves_per_unit
