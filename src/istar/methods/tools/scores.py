"""A run's value: as a tensor that gradients flow through, and over a part of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import singledispatch

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods.contract import MethodError
from istar.questions import (
    ChoiceProbability,
    Entropy,
    GreedyCorrect,
    KLFrom,
    PolicyCost,
    Readout,
    Run,
    SpanLogprob,
    SpanLoss,
    SpanMargin,
    SpanProbability,
)

Tokens = tuple[int, ...]
LogProbs = Float[Tensor, "reads vocabulary"]


def smooth_value(run: Run, log_probs: Sequence[Float[Tensor, "reads vocabulary"]]) -> Float[Tensor, ""]:
    """Return what a run's readout reads, as a differentiable scalar.

    It equals the readout's value, in its unit, except for `GreedyCorrect`, which is a step function: there it is the
    log-probability of the answer.

    Args:
        run: the run.
        log_probs: for each of its paths, the natural-log probabilities at its reads.

    Raises:
        MethodError: the readout has no smooth form here.
    """
    return _smooth(run.readout, run.tokens, *log_probs)


def asked_tokens(run: Run) -> Tokens:
    """Return the tokens whose probabilities a run's readout looks at by name, for each path that has any in turn."""
    readout = run.readout
    start = getattr(readout, "start", len(run.tokens))
    asked = run.tokens[start:]
    if isinstance(readout, SpanMargin):
        asked += readout.foil
    if isinstance(readout, ChoiceProbability):
        asked += sum(readout.others, ())
    return asked


def renumbered(run: Run, numbers: Mapping[int, int]) -> Run:
    """Return a run whose value can be read off log-probabilities over a part of the vocabulary.

    Args:
        run: the run.
        numbers: the place in that part of every token that is in it, all that `asked_tokens` names among them.
    """
    readout = run.readout
    if isinstance(readout, SpanMargin):
        readout = replace(readout, foil=_places(readout.foil, numbers))
    elif isinstance(readout, ChoiceProbability):
        readout = replace(readout, others=tuple(_places(other, numbers) for other in readout.others))
    return Run(tuple(numbers.get(token, 0) for token in run.tokens), readout, run.intervention)


def _places(tokens: Tokens, numbers: Mapping[int, int]) -> Tokens:
    return tuple(numbers[token] for token in tokens)


@singledispatch
def _smooth(readout: Readout, _tokens: Tokens, *_log_probs: LogProbs) -> Float[Tensor, ""]:
    raise MethodError(f"the readout {readout.kind!r} has no smooth form; read it with `run.readout.value`")


@_smooth.register
def _span_logprob(readout: SpanLogprob, tokens: Tokens, log_probs: LogProbs) -> Float[Tensor, ""]:
    total = _span(tokens[readout.start :], log_probs)
    return total / (len(tokens) - readout.start) if readout.mean else total


@_smooth.register
def _span_loss(readout: SpanLoss, tokens: Tokens, log_probs: LogProbs) -> Float[Tensor, ""]:
    return -_span(tokens[readout.start :], log_probs) / (len(tokens) - readout.start)


@_smooth.register
def _span_margin(readout: SpanMargin, tokens: Tokens, log_probs: LogProbs, foil: LogProbs) -> Float[Tensor, ""]:
    return _span(tokens[readout.start :], log_probs) - _span(readout.foil, foil)


@_smooth.register
def _greedy_correct(readout: GreedyCorrect, tokens: Tokens, log_probs: LogProbs) -> Float[Tensor, ""]:
    return _span(tokens[readout.start :], log_probs)


@_smooth.register
def _span_probability(readout: SpanProbability, tokens: Tokens, log_probs: LogProbs) -> Float[Tensor, ""]:
    return _span(tokens[readout.start :], log_probs).exp()


@_smooth.register
def _choice_probability(readout: ChoiceProbability, tokens: Tokens, *log_probs: LogProbs) -> Float[Tensor, ""]:
    spans = (tokens[readout.start :], *readout.others)
    return torch.softmax(torch.stack([_span(*each) for each in zip(spans, log_probs, strict=True)]), dim=0)[0]


@_smooth.register
def _entropy(_readout: Entropy, _tokens: Tokens, log_probs: LogProbs) -> Float[Tensor, ""]:
    return -(log_probs.exp() * log_probs).sum()


@_smooth.register
def _kl_from(_readout: KLFrom, _tokens: Tokens, compared: LogProbs, reference: LogProbs) -> Float[Tensor, ""]:
    return _divergence(reference, compared)


@_smooth.register
def _policy_cost(readout: PolicyCost, tokens: Tokens, policy: LogProbs, reference: LogProbs) -> Float[Tensor, ""]:
    answer = tokens[readout.start :]
    entropy = -(policy.exp() * policy).sum(-1).mean()
    lost = (_span(answer, reference) - _span(answer, policy)) / len(answer) - readout.tolerance
    return _divergence(reference, policy) + readout.beta * entropy + readout.penalty * lost.clamp(min=0.0)


def _span(tokens: Sequence[int], log_probs: LogProbs) -> Float[Tensor, ""]:
    index = torch.tensor(tokens, device=log_probs.device).unsqueeze(-1)
    return log_probs.gather(-1, index).sum()


def _divergence(reference: LogProbs, compared: LogProbs) -> Float[Tensor, ""]:
    return (reference.exp() * (reference - compared)).sum(-1).mean()
