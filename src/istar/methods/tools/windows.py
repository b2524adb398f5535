"""Sliding windows of attention, where a forward is given a mask of its own.

A mask over queries and keys is taken by every block as it is, so that one whose attention reaches back only a few
tokens would see all that the mask lets through. And a cache that is made for such a block forgets what has left its
window, though later queries are put at earlier positions. So all keys are kept, and windows are cut out of the mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from jaxtyping import Float, Int
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import DynamicCache

    from istar.targets.target import Target


def whole_cache() -> DynamicCache:
    """Return an empty cache that keeps the keys and values of all tokens, whatever windows the target has."""
    from transformers import DynamicCache  # slow to import, and only needed here

    return DynamicCache()


def windows(target: Target) -> tuple[int | None, ...]:
    """Return for each block how many tokens its attention reaches, the query's own included; None for all of them."""
    from transformers import DynamicCache

    layers = DynamicCache(config=target.module.config).layers
    return tuple(getattr(layer, "sliding_window", None) for layer in layers)


@contextmanager
def windows_cut_out(
    target: Target,
    mask: Float[Tensor, "batch one queries keys"],
    queries: Int[Tensor, "batch queries"],
    keys: Int[Tensor, "batch keys"],
) -> Iterator[None]:
    """Run everything inside the `with` statement with a mask of which each block sees what lies in its window.

    Args:
        target: the model.
        mask: what is added to attention scores, also given to the forward that runs inside.
        queries: positions of the query tokens.
        keys: positions of the tokens that may be attended to.
    """
    cut: dict[int, Tensor] = {}
    with ExitStack() as stack:
        for window, attention in zip(windows(target), target.anatomy.attentions, strict=True):
            if window is None:
                continue
            if window not in cut:
                far = queries[:, :, None] - keys[:, None, :] >= window
                cut[window] = mask.masked_fill(far[:, None], float("-inf"))
            handle = attention.register_forward_pre_hook(partial(_give, cut[window]), with_kwargs=True)
            stack.callback(handle.remove)
        yield


def _give(
    mask: Tensor, _attention: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return arguments, {**keywords, "attention_mask": mask}
