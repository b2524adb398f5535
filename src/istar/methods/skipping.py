"""Running a target without some of its blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor

from istar.methods.contract import MethodError

if TYPE_CHECKING:
    from istar.targets.target import Target


def _unchanged(hidden_states: Tensor, *_arguments: Any, **_keywords: Any) -> Tensor:
    """Stand in for a block's forward: hand the residual stream on."""
    return hidden_states


@contextmanager
def without_blocks(target: Target, blocks: Iterable[int]) -> Iterator[None]:
    """Run everything inside the `with` statement as if these blocks added nothing to the residual stream.

    The blocks are not computed, so their FLOPs are saved; `Target.run`, `Target.forward` and the plain module all
    skip them, and layers keep their numbers.

    Args:
        target: the model.
        blocks: numbers of the blocks to skip, from 0.

    Raises:
        MethodError: the target has no block of that number.
    """
    chosen = sorted(set(blocks))
    if chosen and not 0 <= chosen[0] <= chosen[-1] < target.layers:
        raise MethodError(f"blocks {chosen} are to be skipped, but {target.name} has blocks 0 to {target.layers - 1}")
    skipped = [target.anatomy.blocks[number] for number in chosen]
    for block in skipped:
        block.__dict__["forward"] = _unchanged
    try:
        yield
    finally:
        for block in skipped:
            block.__dict__.pop("forward", None)
