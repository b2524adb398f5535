"""The check that packed runs of a target give what the model itself gives.

Packed runs take a model apart by names, put an attention of ours in its place and read logits as unembedding after
final norm. An architecture may do otherwise: keep to an attention of its own, carry a state from token to token, scale
or cap its logits. Nothing fails then, and every value is another model's. So a model is asked once, when it is loaded:
a few tokens, packed, and by its own forward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from istar.errors import IstarError
from istar.questions.readouts import SpanLoss
from istar.questions.runs import Run
from istar.targets.errors import TargetError, UnknownArchitectureError

if TYPE_CHECKING:
    from istar.targets.target import Target

STREAM_TOLERANCE = {torch.float16: 0.15, torch.bfloat16: 0.15}
"""Largest relative error of the residual stream. On a trained model the siblings' tokens, wrongly attended to, make 0.3
to 0.7; rounding to bfloat16 makes up to 0.03, to float32 1e-5."""
EXACT_STREAM = 1e-3
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
    try:
        own, logits = _own(target, runs[-1].tokens[:-1])
        _check_finite(about, target, own, logits)
        _check_logits(about, target, own, logits)
        _check_stream(about, target, target.run(runs).at(len(runs) - 1), own[0])
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


def _check_stream(about: str, target: Target, packed: Tensor, own: Tensor) -> None:
    packed, own = packed.double(), own.double()
    error = float(((packed - own).norm(dim=-1) / own.norm(dim=-1).clamp(min=torch.finfo(torch.float32).tiny)).max())
    if not error <= STREAM_TOLERANCE.get(target.dtype, EXACT_STREAM):
        raise UnknownArchitectureError(
            f"packed runs of {about}, do not give its own residual stream (relative error {error:.3g}): its attention "
            "does not go through Hugging Face's attention interface, or something else in it looks at other tokens. "
            "Its values would be wrong, so it is not supported"
        )
