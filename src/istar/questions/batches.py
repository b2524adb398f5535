"""Nested batches: the fixed order in which a method is asked for channels.

The first batch holds about 1/256 of the rows, the first two together about 1/128, and so on to all of them. Cells are
taken as a grid, arms by replicates, halving the longer side first: the rows of a batch then share prefixes and
replicates, which is how an executor buys rows too, and which keeps a cheap look cheap.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from istar.questions.structure import Structure
from istar.seeds import Seed

LEVELS = 9


def grid_groups(structure: Structure) -> tuple[Int[np.ndarray, " rows"], Int[np.ndarray, " rows"]]:
    """Return for each row the number of its arm (all arm and switch columns) and of its replicate (all nuisances)."""

    def number(roles: tuple[str, ...]) -> Int[np.ndarray, " rows"]:
        columns = [column.array for column in structure.columns if column.role in roles]
        if not columns:
            return np.zeros(structure.rows, dtype=np.int64)
        return np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1].reshape(-1)

    return number(("arm", "switch")), number(("nuisance",))


def nested_batches(structure: Structure, seed: Seed) -> tuple[Int[np.ndarray, " batch"], ...]:
    """Return the rows of each batch; the batches are disjoint and cover all rows but the sealed ones.

    Args:
        structure: the question's structure.
        seed: decides the order of arms and replicates.

    Returns:
        Up to nine arrays of ascending row numbers, none empty.
    """
    if structure.sealed.any():
        rows = np.flatnonzero(~structure.sealed)
        return tuple(rows[batch] for batch in nested_batches(structure.take(rows), seed))
    arm, replicate = grid_groups(structure)
    arms, replicates = int(arm.max()) + 1, int(replicate.max()) + 1
    generator = seed.split("nested_batches").generator()
    arm_rank = generator.permutation(arms)[arm]
    replicate_rank = generator.permutation(replicates)[replicate]
    step = np.full(structure.rows, LEVELS - 1)
    arm_count, replicate_count = float(arms), float(replicates)
    for level in range(LEVELS - 2, -1, -1):
        if arm_count >= replicate_count:
            arm_count /= 2
        else:
            replicate_count /= 2
        inside = (arm_rank < np.ceil(arm_count)) & (replicate_rank < np.ceil(replicate_count))
        step[inside] = level
    batches = (np.flatnonzero(step == level) for level in range(LEVELS))
    return tuple(batch for batch in batches if len(batch))
