"""Streams at read positions, gathered piece by piece from a packed forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from istar.questions.trie import Trie
from istar.targets.interventions import Switch
from istar.targets.packed_forward import ResidualHook, packed_streams
from istar.targets.packing import preorder
from istar.targets.reading import ReadPlan

if TYPE_CHECKING:
    from istar.targets.target import Target


def packed_pieces(
    target: Target, trie: Trie, layer: int, switch: Switch, hooks: Mapping[int, ResidualHook] | None = None
) -> Iterator[tuple[Int[np.ndarray, " nodes"], Float[Tensor, "nodes width"]]]:
    """Yield nodes of a trie, a piece at a time, with the residual stream there.

    Args:
        target: the model.
        trie: what is run; each intervention is set up in turn.
        layer: number of blocks to pass.
        switch: puts the target under the interventions.
        hooks: see `Target.run`.
    """
    for root, key in enumerate(trie.interventions):
        layout = preorder(trie, root)
        if len(layout.node):
            switch.to(key)
            for chunk, stream in packed_streams(target.module, target.anatomy, layout, layer, hooks=hooks):
                yield layout.node[chunk.start : chunk.stop], stream


def empty_streams(target: Target, plan: ReadPlan) -> Float[Tensor, "reads width"]:
    """Return room for the streams of all reads."""
    return torch.empty(len(plan.nodes), target.width, dtype=target.dtype, device=target.device)


def reads_among(
    plan: ReadPlan, nodes: Int[np.ndarray, " nodes"]
) -> tuple[Int[np.ndarray, " found"], Int[np.ndarray, " found"]]:
    """Return which reads stand in a piece, and where in the piece."""
    places = np.searchsorted(plan.nodes, nodes)
    within = np.flatnonzero(plan.nodes[np.minimum(places, len(plan.nodes) - 1)] == nodes)
    return places[within], within


def store(
    plan: ReadPlan,
    nodes: Int[np.ndarray, " nodes"],
    stream: Float[Tensor, "nodes width"],
    hidden: Float[Tensor, "reads width"],
) -> Int[np.ndarray, " found"]:
    """Copy what is read of a piece to its place; return which reads these are."""
    found, within = reads_among(plan, nodes)
    hidden[torch.from_numpy(found).to(hidden.device)] = stream[torch.from_numpy(within).to(stream.device)]
    return found
