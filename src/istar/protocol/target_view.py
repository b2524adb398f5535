"""The target as a researcher may read it: numbers, names and copies, and no module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from istar.researchers import ResearcherError, TargetView
from istar.targets.anatomy import part_names

if TYPE_CHECKING:
    from istar.targets import Target


class ReadOnlyTarget(TargetView):
    """A view of a target that is loaded; see `TargetView`.

    Weights are handed out as copies, one at a time: the search's target stays as it was, whatever is done to them.

    Args:
        target: the target.
    """

    def __init__(self, target: Target) -> None:
        """See the class docstring."""
        module: Any = target.module
        self.name, self.id = target.name, target.id
        self.layers, self.width, self.vocabulary = target.layers, target.width, target.vocabulary
        self.config = dict(module.config.to_dict())
        self.parts = asdict(part_names(module.config.model_type))
        self.weights = {name: tuple(weight.shape) for name, weight in target.module.named_parameters()}
        self._target = target

    def weight(self, name: str) -> Float[np.ndarray, ...]:
        """See `TargetView`."""
        if name not in self.weights:
            raise ResearcherError(f"{self.name} has no weight {name!r:.80}; `weights` lists those that it has")
        copy: Float[np.ndarray, ...] = self._target.module.get_parameter(name).detach().float().cpu().numpy().copy()
        return copy

    def encode(self, text: str) -> tuple[int, ...]:
        """See `TargetView`."""
        return self._target.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        """See `TargetView`."""
        return self._target.decode(tokens)
