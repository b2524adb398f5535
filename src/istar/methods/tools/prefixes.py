"""Packs: the beginnings of many runs in one sequence, each token seeing the beginning that it ends and no other run."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

Tokens = tuple[int, ...]


def prefix_mask(places: Mapping[tuple[int, Tokens], int], dtype: torch.dtype) -> Float[Tensor, "tokens tokens"]:
    """Return what is added to the attention scores of a pack: 0 where a token sees another one, else minus infinity.

    Args:
        places: the place in the pack of each group's beginnings; a token sees the tokens of its beginning in its group,
            all of which must be there, its own included.
        dtype: of what is returned.
    """
    seen = torch.zeros(len(places), len(places), dtype=torch.bool)
    for (group, prefix), place in places.items():
        seen[place, [places[group, prefix[: at + 1]] for at in range(len(prefix))]] = True
    return torch.zeros(len(places), len(places), dtype=dtype).masked_fill(~seen, float("-inf"))
