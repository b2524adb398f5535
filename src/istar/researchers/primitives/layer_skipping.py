"""Leaving a stretch of blocks out of the forward.

Source: middle blocks of a residual network can be left out one by one with little loss (Veit et al., 2016; for
language models, Gromov et al., "The Unreasonable Ineffectiveness of the Deeper Layers", 2024).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from istar.methods import without_blocks
from istar.questions import Run
from istar.researchers.primitives.primitive import PRIMITIVES, Primitive, choice

if TYPE_CHECKING:
    from istar.targets import Target


def layer_skipping(target: Target, runs: Sequence[Run], first: float, share: float) -> Tensor:
    """Return each run's readout without a stretch of blocks, [runs, 1].

    Args:
        target: the model.
        runs: what is run.
        first: where the stretch begins, as a share of the blocks.
        share: how many blocks are skipped, as a share of all.
    """
    start = round(first * target.layers)
    stop = min(target.layers, start + max(1, round(share * target.layers)))
    with without_blocks(target, range(start, stop)):
        streams = target.run(runs)
    return target.read(runs, streams).unsqueeze(-1)


@PRIMITIVES.register("layer_skipping")
@dataclass(frozen=True)
class LayerSkipping(Primitive):
    """The readout without a stretch of blocks."""

    kind: ClassVar[str] = "layer_skipping"
    functions: ClassVar[tuple[Callable[..., object], ...]] = (layer_skipping,)
    first: float = choice(0.2, 0.4, 0.6, 0.8)
    share: float = choice(0.1, 0.2, 0.3, 0.5)

    @property
    def title(self) -> str:
        """See the base class."""
        return f"forward without {self.share} of the blocks, from {self.first} of the depth on"

    @property
    def short(self) -> str:
        """See the base class."""
        return f"skip{self.first * 100:.0f}x{self.share * 100:.0f}"

    def predict_call(self, slot: int) -> str:
        """See the base class."""
        return f"layer_skipping(target, runs, first={self.first}, share={self.share})"
