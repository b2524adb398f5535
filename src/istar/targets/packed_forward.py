"""The execution of a packed plan through the model's own modules.

The model's base module is called on the flat sequence of a chunk with explicit positions, so embeddings, norms,
rotary or learned positions, parallel residuals and the like are Hugging Face's own code. Only the innermost attention
is ours: it is registered with Hugging Face's attention interface, keeps the keys and values of one path, and attends
block by block. A forward that stops early leaves through an exception, before the block that is not wanted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from istar.targets.anatomy import Anatomy
from istar.targets.errors import TargetError
from istar.targets.packing import Chunk, Preorder, chunks

ATTENTION = "istar_packed"

ResidualHook = Callable[[Float[Tensor, "tokens width"], Int[Tensor, " tokens"]], Float[Tensor, "tokens width"] | None]
"""Sees the residual stream of packed tokens and their positions; may return what the stream is to be instead."""


@dataclass(frozen=True)
class _BlockTensors:
    start: int
    stop: int
    keys: Tensor | slice
    mask: Tensor

    def narrowed(self, window: int | None, depth: Tensor, key_depth: Tensor) -> Tensor:
        """Return the additive mask, with a sliding window cut out of it where the model has one."""
        if window is None:
            return self.mask
        far = depth[self.start : self.stop, None] - key_depth[self.keys][None, :] >= window
        return self.mask.masked_fill(far, -torch.inf)


@dataclass
class _PackedAttention:
    """What the attention function needs to know while one layout is processed."""

    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)
    blocks: tuple[_BlockTensors, ...] = ()
    path: int = 0
    keep: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    depth: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    key_depth: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))

    def enter(self, layout: Preorder, chunk: Chunk, device: torch.device, dtype: torch.dtype) -> None:
        """Take up the next chunk."""
        blocks = []
        for block in chunk.blocks:
            first, last = int(block.keys[0]), int(block.keys[-1])
            contiguous = last - first + 1 == len(block.keys)
            keys = slice(first, last + 1) if contiguous else torch.from_numpy(block.keys).to(device)
            # Made by numpy: how the plan is laid out is bookkeeping, not arithmetic of the model.
            mask = torch.from_numpy(np.where(block.mask, np.float32(0), np.float32(-np.inf))).to(device, dtype)
            blocks.append(_BlockTensors(block.start, block.stop, keys, mask))
        self.blocks = tuple(blocks)
        self.path = chunk.path
        self.keep = torch.from_numpy(chunk.keep).to(device)
        depth = layout.depth[chunk.start : chunk.stop]
        self.depth = torch.from_numpy(depth).to(device)
        self.key_depth = torch.from_numpy(np.concatenate([np.arange(chunk.path), depth])).to(device)

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float | None, window: int | None
    ) -> Tensor:
        """Return the attention output of one layer for the chunk, shape [1, tokens, heads, head width]."""
        if self.path:
            key = torch.cat([self.keys[layer], key], dim=2)
            value = torch.cat([self.values[layer], value], dim=2)
        if len(self.keep):
            self.keys[layer] = key.index_select(2, self.keep)
            self.values[layer] = value.index_select(2, self.keep)
        outputs = []
        for block in self.blocks:
            if isinstance(block.keys, slice):
                block_key, block_value = key[:, :, block.keys], value[:, :, block.keys]
            else:
                block_key, block_value = key.index_select(2, block.keys), value.index_select(2, block.keys)
            mask = block.narrowed(window, self.depth, self.key_depth)
            outputs.append(_attention(query[:, :, block.start : block.stop], block_key, block_value, mask, scaling))
        return torch.cat(outputs, dim=2).transpose(1, 2)


def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor, scaling: float | None) -> Tensor:
    """Attend with grouped key heads and without repeating them; all tensors are [1, heads, tokens, head width]."""
    heads, length = query.shape[1], query.shape[2]
    grouped = heads != key.shape[1]
    if grouped and query.device.type != "cpu":
        # Other devices' fused kernels take no mask with grouped heads: fold the heads of a group into the queries.
        share = heads // key.shape[1]
        folded = query.reshape(1, key.shape[1], share * length, query.shape[3])
        output = nn.functional.scaled_dot_product_attention(folded, key, value, mask.repeat(share, 1), scale=scaling)
        return output.reshape(1, heads, length, -1)
    return nn.functional.scaled_dot_product_attention(query, key, value, mask, scale=scaling, enable_gqa=grouped)


_ACTIVE: ContextVar[_PackedAttention] = ContextVar("istar_packed_attention")


def _packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _attention_mask: Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend as Hugging Face's attention interface asks."""
    unsupported = [name for name in ("softcap", "s_aux", "position_bias") if kwargs.get(name) is not None]
    if sliding_window is None and _masks_a_window(module):
        unsupported.append("a sliding window that only its mask knows of")
    if unsupported:
        raise TargetError(
            f"packed runs do not support attention with {', '.join(unsupported)}, which {type(module).__name__} has; "
            "the architecture is not supported"
        )
    packed = _ACTIVE.get()
    return packed.attend(int(module.layer_idx), query, key, value, scaling, sliding_window), None  # type: ignore[arg-type]


def _masks_a_window(module: nn.Module) -> bool:
    """Return whether transformers cuts a window out of a layer's mask, in a model that has one at all."""
    config: Any = module.config
    if getattr(config, "sliding_window", None) is None:
        return False
    kinds = getattr(config, "layer_types", None)
    known = hasattr(sys.modules[type(module).__module__], "create_sliding_window_causal_mask")
    return known and (kinds is None or kinds[int(module.layer_idx)] == "sliding_attention")  # type: ignore[arg-type]


@cache
def packed_attention_name() -> str:
    """Return the name under which Hugging Face's attention interface knows ours; registered when it is first asked."""
    from transformers import AttentionInterface  # slow to import, and whoever only reads tables has no model

    AttentionInterface.register(ATTENTION, _packed_attention)
    return ATTENTION


class _Reached(Exception):  # noqa: N818 (not an error: it carries the residual stream out of the forward)
    def __init__(self, residual: Tensor) -> None:
        super().__init__()
        self.residual = residual


def _stream_argument(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Tensor:
    stream: Tensor = arguments[0] if arguments else keywords["hidden_states"]
    return stream


def residual_stream(anatomy: Anatomy, upto: int, **inputs: Any) -> Float[Tensor, "batch length width"]:
    """Return the residual stream that enters block `upto` (or the final norm, after all blocks), and compute no more.

    Args:
        anatomy: the model's parts.
        upto: number of blocks to pass, from 0 (embeddings only) to all.
        inputs: passed to the model's base module.
    """

    def leave(_module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        raise _Reached(_stream_argument(arguments, keywords))

    exit_module = (*anatomy.blocks, anatomy.final_norm)[upto]
    handle = exit_module.register_forward_pre_hook(leave, with_kwargs=True)
    try:
        anatomy.base(**{"use_cache": False, **inputs})
    except _Reached as reached:
        return reached.residual
    finally:
        handle.remove()
    raise TargetError(f"the forward never reached {type(exit_module).__name__} {upto}; the anatomy does not fit")


@contextmanager
def _attention_through(module: nn.Module, packed: _PackedAttention) -> Iterator[None]:
    config: Any = module.config
    before = config._attn_implementation
    token = _ACTIVE.set(packed)
    config._attn_implementation = packed_attention_name()
    try:
        yield
    finally:
        config._attn_implementation = before
        _ACTIVE.reset(token)


@contextmanager
def _residual_hooks(anatomy: Anatomy, hooks: Mapping[int, ResidualHook], positions: Tensor) -> Iterator[None]:
    def as_pre_hook(hook: ResidualHook) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]:
        def pre_hook(
            _module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
        ) -> tuple[tuple[Any, ...], dict[str, Any]]:
            stream = _stream_argument(arguments, keywords)
            replaced = hook(stream[0], positions)
            if replaced is None:
                return arguments, keywords
            if arguments:
                return (replaced[None], *arguments[1:]), keywords
            return (), {**keywords, "hidden_states": replaced[None]}

        return pre_hook

    with ExitStack() as stack:
        for layer, hook in hooks.items():
            entered = (*anatomy.blocks, anatomy.final_norm)[layer]
            handle = entered.register_forward_pre_hook(as_pre_hook(hook), with_kwargs=True)
            stack.callback(handle.remove)
        yield


def packed_streams(
    module: nn.Module,
    anatomy: Anatomy,
    layout: Preorder,
    upto: int,
    *,
    hooks: Mapping[int, ResidualHook] | None = None,
    chunk_tokens: int | None = None,
) -> Iterator[tuple[Chunk, Float[Tensor, "tokens width"]]]:
    """Yield chunk by chunk the residual stream after `upto` blocks at every slot of a layout.

    Args:
        module: the causal language model.
        anatomy: its parts.
        layout: the tokens to process.
        upto: number of blocks to pass.
        hooks: for some layers, what to do with the residual stream after that many blocks.
        chunk_tokens: about how many tokens go through the model in one call.
    """
    weight = next(module.parameters())
    device, dtype = weight.device, weight.dtype
    packed = _PackedAttention()
    sizes = {} if chunk_tokens is None else {"chunk_tokens": chunk_tokens}
    for chunk in chunks(layout, **sizes):
        packed.enter(layout, chunk, device, dtype)
        tokens = torch.from_numpy(layout.token[chunk.start : chunk.stop]).to(device)
        with (
            torch.no_grad(),
            _attention_through(module, packed),
            _residual_hooks(anatomy, hooks or {}, packed.depth),
        ):
            stream = residual_stream(anatomy, upto, input_ids=tokens[None], position_ids=packed.depth[None])
        yield chunk, stream[0]
