"""Depths of a network to compare, for families that do not know how many blocks a target has."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def draw_depths(generator: np.random.Generator, count: int) -> list[float]:
    """Return depths in rising order: 0, the first block, and one from each other of `count` equal shares.

    A depth between two blocks means the upper one, so the first block would be met at no other depth than 0.
    """
    depths: Float[np.ndarray, " depths"] = (np.arange(count) + generator.random(count)) / count
    return [0.0, *map(float, depths[1:])]
