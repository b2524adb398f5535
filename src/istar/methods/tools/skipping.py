"""Running a target with some of its modules replaced, or without some of its blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from istar.methods.contract import MethodError

if TYPE_CHECKING:
    from istar.targets.target import Target


def _unchanged(hidden_states: Tensor, *_arguments: Any, **_keywords: Any) -> Tensor:
    """Stand in for a block's forward: hand the residual stream on."""
    return hidden_states


@contextmanager
def replacing(target: Target, functions: Mapping[nn.Module, Callable[..., Any]]) -> Iterator[None]:
    """Run everything inside the `with` statement with functions in place of some modules' own forwards.

    The modules' own computations do not take place, so their FLOPs are saved; `Target.run`, `Target.forward` and the
    plain module all call the functions, and hooks on the modules stay in force.

    Args:
        target: the model.
        functions: what is called in place of each module, with the arguments of the module's forward.

    Raises:
        MethodError: a module is not part of the target.
    """
    parts = set(target.module.modules())
    strangers = sorted(type(module).__name__ for module in functions if module not in parts)
    if strangers:
        raise MethodError(f"modules of type {', '.join(strangers)} are to be replaced, but {target.name} lacks them")
    before = [(module, module.__dict__.get("forward")) for module in functions]
    for module, function in functions.items():
        module.__dict__["forward"] = function
    try:
        yield
    finally:
        for module, forward in before:
            if forward is None:
                module.__dict__.pop("forward", None)
            else:
                module.__dict__["forward"] = forward


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
    with replacing(target, {target.anatomy.blocks[number]: _unchanged for number in chosen}):
        yield
