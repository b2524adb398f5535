"""A run's value as a tensor that gradients flow through."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods.contract import MethodError
from istar.questions import Entropy, GreedyCorrect, KLFrom, Run, SpanLogprob, SpanLoss, SpanMargin


def smooth_value(run: Run, log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> Float[Tensor, ""]:
    """Return what a run's readout reads, as a differentiable scalar.

    It equals the readout's value, in nats, except for `GreedyCorrect`, which is a step function: there it is the
    log-probability of the answer.

    Args:
        run: the run.
        log_probs: for each of its paths, the natural-log probabilities at its reads.

    Raises:
        MethodError: the readout has no smooth form here.
    """
    readout = run.readout
    if isinstance(readout, SpanLogprob):
        total = _span(run.tokens[readout.start :], log_probs[0])
        return total / (len(run.tokens) - readout.start) if readout.mean else total
    if isinstance(readout, SpanLoss):
        return -_span(run.tokens[readout.start :], log_probs[0]) / (len(run.tokens) - readout.start)
    if isinstance(readout, SpanMargin):
        return _span(run.tokens[readout.start :], log_probs[0]) - _span(readout.foil, log_probs[1])
    if isinstance(readout, GreedyCorrect):
        return _span(run.tokens[readout.start :], log_probs[0])
    if isinstance(readout, Entropy):
        return -(log_probs[0].exp() * log_probs[0]).sum()
    if isinstance(readout, KLFrom):
        compared, reference = log_probs
        return (reference.exp() * (reference - compared)).sum(-1).mean()
    raise MethodError(f"the readout {readout.kind!r} has no smooth form; read it with `run.readout.value`")


def _span(tokens: Sequence[int], log_probs: Float[Tensor, "reads vocabulary"]) -> Float[Tensor, ""]:
    index = torch.tensor(tokens, device=log_probs.device).unsqueeze(-1)
    return log_probs.gather(-1, index).sum()
