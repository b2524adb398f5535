"""The check that packed runs of a target give what the model itself gives.

Packed runs take a model apart by names, put an attention of ours in its place and read logits as unembedding after
final norm. An architecture may do otherwise: keep to an attention of its own, carry a state from token to token, scale
or cap its logits, look at the longest row of a batch. Nothing fails then, and values are another model's, or depend on
what else is asked. So a model is asked once, when it is loaded: a few tokens, packed, by its own forward, and beside
tokens as far back as its rows may reach.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from istar.errors import IstarError
from istar.questions.readouts import SpanLoss
from istar.questions.runs import Run
from istar.targets.errors import TargetError, UnknownArchitectureError
from istar.targets.limits import check_length
from istar.targets.packed_forward import residual_stream

if TYPE_CHECKING:
    from istar.targets.target import Target

STREAM_TOLERANCE = {torch.float16: 0.15, torch.bfloat16: 0.15}
"""Largest relative error of the residual stream. On a trained model the siblings' tokens, wrongly attended to, make 0.3
to 0.7; rounding to bfloat16 makes up to 0.03, to float32 1e-5."""
EXACT_STREAM = 1e-3
FAR = 2**17
"""A position that counts as far in a model that states no length."""
LOGIT_ROUNDINGS = 16
"""Logits computed twice by the same modules from the same stream may differ by so many units in the last place."""


@torch.no_grad()
def check_exact(target: Target) -> None:
    """Check that packed runs give the model's own residual streams, and that its logits are read off them rightly.

    Args:
        target: the model, as it was loaded.

    Raises:
        TargetError: its outputs are not finite.
        UnknownArchitectureError: packed runs are not those of the model.
    """
    about = f"a {type(target.module).__name__}, loaded as {target.name!r}"
    runs = _probes(target)
    check_length(target, max(len(run.tokens) - 1 for run in runs), "a row that loading asks")
    try:
        own, logits = _own(target, runs[-1].tokens[:-1])
        _check_finite(about, target, own, logits)
        _check_logits(about, target, own, logits)
        _check_stream(about, target, target.run(runs).at(len(runs) - 1), own[0])
        _check_alone(about, target, runs[-1].tokens[:-1])
    except IstarError:
        raise
    except Exception as error:  # somebody else's forward, called in a way that it may not know
        raise UnknownArchitectureError(
            f"{about}, cannot be run packed ({type(error).__name__}: {error}); the architecture is not supported"
        ) from error


def _probes(target: Target) -> tuple[Run, ...]:
    """Return two runs that share a beginning: packed, the tokens of the first stand amid those of the second."""
    known = min(target.vocabulary, int(target.anatomy.embedding.weight.shape[0]))  # type: ignore[index]
    tokens = [target.bos, *((7919 * place + 1) % known for place in range(1, 10))]
    shared = tokens[:3]
    return tuple(Run((*shared, *own, 0), SpanLoss(1)) for own in (tokens[3:6], tokens[6:10]))


def _own(
    target: Target, tokens: tuple[int, ...]
) -> tuple[Float[Tensor, "1 length width"], Float[Tensor, "1 length vocabulary"]]:
    """Return the stream that enters the final norm in the model's own forward, and its logits."""
    caught: list[Tensor] = []

    def catch(_module: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        caught.append(arguments[0] if arguments else keywords["hidden_states"])

    handle = target.anatomy.final_norm.register_forward_pre_hook(catch, with_kwargs=True)
    try:
        logits: Tensor = target.module(torch.tensor([tokens], device=target.device), use_cache=False).logits
    finally:
        handle.remove()
    return caught[0], logits


def _check_finite(about: str, target: Target, stream: Tensor, logits: Tensor) -> None:
    if not (stream.isfinite().all() and logits.isfinite().all()):
        raise TargetError(
            f"the outputs of {about}, are not finite in {target.dtype}: its weights are damaged, or too large for that "
            "dtype; load it again, in the dtype it was trained in or a wider one"
        )


def _check_logits(about: str, target: Target, stream: Tensor, logits: Tensor) -> None:
    read = target.anatomy.unembedding(target.anatomy.final_norm(stream))
    error = float((read.double() - logits.double()).abs().max())
    if error > LOGIT_ROUNDINGS * torch.finfo(target.dtype).eps * float(logits.abs().max()):
        raise UnknownArchitectureError(
            f"the logits of {about}, are not what its final norm and unembedding give (off by up to {error:.3g}): it "
            "scales, caps or shifts them, or its part names are wrong. Its values would be those of another model, so "
            "it is not supported"
        )


def _check_alone(about: str, target: Target, tokens: tuple[int, ...]) -> None:
    """Check that a row is the same beside one that stands as far back as rows may reach."""
    length = len(tokens)
    longest = getattr(target.module.config, "max_position_embeddings", None) or FAR
    far = 2 * int(longest) if target.limit is None else target.limit.tokens
    places = torch.arange(length)
    alone = _passing(target, tokens, places[None])
    beside = _passing(target, tokens, torch.stack([places, far - length + places]))
    for name, one in alone.items():
        error = _distance(beside[name][: len(one)], one)
        if not error <= STREAM_TOLERANCE.get(target.dtype, EXACT_STREAM):
            raise UnknownArchitectureError(
                f"a short row of {about}, is changed by one at position {far - 1} beside it, first in {name} (relative "
                f"error {error:.3g}). A value would depend on which rows are asked together, so it is not supported; "
                "if it is the RoPE, choose a type in config.json that takes the same frequencies at every length"
            )


def _passing(target: Target, tokens: tuple[int, ...], positions: Int[Tensor, "batch length"]) -> dict[str, Tensor]:
    """Return what passes through a model, part after part, when the same tokens stand at some positions."""
    seen: dict[str, Tensor] = {}

    def note(name: str, value: Any) -> None:
        tensors = [each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Tensor)]
        if tensors and name not in seen:
            seen[name] = torch.cat([each.reshape(each.shape[0], -1) for each in tensors], dim=1)

    within = {part for block in target.anatomy.blocks for part in block.modules()}
    names = {part: name for name, part in target.anatomy.base.named_modules()}
    with ExitStack() as stack:
        for part, name in names.items():
            if part not in within and not list(part.children()):
                catch = partial(lambda called, _part, _inputs, output: note(called, output), f"its {name}")
                stack.callback(part.register_forward_hook(catch).remove)
        for number, block in enumerate(target.anatomy.blocks):
            catch = partial(lambda called, _part, _inputs, output: note(called, output), f"its block {number}")
            stack.callback(block.register_forward_hook(catch).remove)
        batch = torch.tensor([tokens] * len(positions), device=target.device)
        residual_stream(target.anatomy, target.layers, input_ids=batch, position_ids=positions.to(target.device))
    return seen


def _distance(found: Tensor, wanted: Tensor) -> float:
    """Return the largest relative distance of two tensors' rows."""
    found, wanted = found.double(), wanted.double()
    tiny = torch.finfo(torch.float32).tiny
    return float(((found - wanted).norm(dim=-1) / wanted.norm(dim=-1).clamp(min=tiny)).max())


def _check_stream(about: str, target: Target, packed: Tensor, own: Tensor) -> None:
    error = _distance(packed, own)
    if not error <= STREAM_TOLERANCE.get(target.dtype, EXACT_STREAM):
        raise UnknownArchitectureError(
            f"packed runs of {about}, do not give its own residual stream (relative error {error:.3g}): its attention "
            "does not go through Hugging Face's attention interface, or something else in it looks at other tokens. "
            "Its values would be wrong, so it is not supported"
        )
