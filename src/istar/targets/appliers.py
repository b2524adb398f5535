"""How the kinds of interventions that the library knows change a target, and change it back.

Weights are never written to: a changed matrix is a new tensor that takes the old one's place, and the old one is put
back afterwards. So undoing is exact, and targets whose weights are mapped read-only can be modified.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from istar.questions.interventions import (
    Ablate,
    Composed,
    FineTune,
    LogitBias,
    Prune,
    Steer,
    Temperature,
    WeightNoise,
)
from istar.targets.interventions import APPLIERS, applied
from istar.targets.limits import check_known, check_tokens
from istar.targets.packed_forward import residual_stream

if TYPE_CHECKING:
    from istar.targets.target import Target


@contextmanager
def replaced(target: Target, new: Mapping[str, Tensor]) -> Iterator[None]:
    """Put other tensors in the place of parameters, and the old ones back.

    Args:
        target: the model.
        new: what takes the place of each parameter, by the parameter's name.
    """
    parameters = dict(target.module.named_parameters())
    before = {name: parameters[name].data for name in new}
    try:
        for name, tensor in new.items():
            parameters[name].data = tensor
        yield
    finally:
        for name, tensor in before.items():
            parameters[name].data = tensor


def block_at(target: Target, depth: float) -> int:
    """Return the first block that has at least the share `depth` of all blocks below it."""
    return min(math.ceil(depth * target.layers - 1e-9), target.layers - 1)


def block_matrices(target: Target, depth: float = 0.0) -> dict[str, nn.Parameter]:
    """Return the matrices of all blocks from a depth upwards, by name."""
    chosen = {
        id(weight)
        for block in target.anatomy.blocks[block_at(target, depth) :]
        for weight in block.parameters()
        if weight.ndim == 2
    }
    return {name: weight for name, weight in target.module.named_parameters() if id(weight) in chosen}


@APPLIERS.register("composed")
@contextmanager
def _composed(target: Target, intervention: Composed) -> Iterator[None]:
    with ExitStack() as stack:
        for part in intervention.parts:
            stack.enter_context(applied(target, part))
        yield


@APPLIERS.register("fine_tune")
@contextmanager
def _fine_tune(target: Target, intervention: FineTune) -> Iterator[None]:
    for tokens in intervention.sequences:
        check_tokens(target, tokens[:-1], "a sequence of a fine-tune")
        check_known(target, tokens, "a sequence of a fine-tune")
    names = list(block_matrices(target, intervention.depth))
    parameters = dict(target.module.named_parameters())
    with ExitStack() as stack:
        for _ in range(intervention.steps):
            weights = [parameters[name] for name in names]
            gradients = _gradients(target, intervention, weights)
            new = {
                name: weight.data - intervention.rate * gradient
                for name, weight, gradient in zip(names, weights, gradients, strict=True)
                if gradient is not None
            }
            stack.enter_context(replaced(target, new))
        yield


def _gradients(target: Target, intervention: FineTune, weights: list[nn.Parameter]) -> list[Tensor | None]:
    """Return the gradient of the mean loss of the sequences; None for a weight of a block that a method skips."""
    with torch.inference_mode(False), torch.enable_grad():
        for weight in weights:
            weight.requires_grad_(True)
        try:
            losses = []
            for tokens, start in zip(intervention.sequences, intervention.starts, strict=True):
                inputs = torch.tensor([tokens[:-1]], device=target.device)
                stream = residual_stream(target.anatomy, target.layers, input_ids=inputs)[0, start - 1 :]
                scored = torch.tensor(tokens[start:], device=target.device)
                losses.append(-target.unembed(stream).gather(-1, scored[:, None]).mean())
            gradients = torch.autograd.grad(torch.stack(losses).mean(), weights, allow_unused=True)
        finally:
            for weight in weights:
                weight.requires_grad_(False)
    return [None if gradient is None else gradient.detach() for gradient in gradients]


@APPLIERS.register("steer")
@contextmanager
def _steer(target: Target, intervention: Steer) -> Iterator[None]:
    layer = block_at(target, intervention.depth)
    for prompt in (intervention.towards, intervention.away):
        check_tokens(target, prompt, "a prompt of a steering vector")
    with torch.no_grad():
        towards, away = (
            residual_stream(target.anatomy, layer, input_ids=torch.tensor([tokens], device=target.device))[0, -1]
            for tokens in (intervention.towards, intervention.away)
        )
        vector = intervention.scale * (towards - away)

    def add(
        _module: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if arguments:
            return (arguments[0] + vector, *arguments[1:]), keywords
        return (), {**keywords, "hidden_states": keywords["hidden_states"] + vector}

    handle = target.anatomy.blocks[layer].register_forward_pre_hook(add, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@APPLIERS.register("weight_noise")
@contextmanager
def _weight_noise(target: Target, intervention: WeightNoise) -> Iterator[None]:
    generator = torch.Generator().manual_seed(intervention.seed)
    new = {}
    with torch.no_grad():
        for name, weight in block_matrices(target).items():
            noise = torch.randn(weight.shape, generator=generator, dtype=torch.float32).to(weight.device, weight.dtype)
            new[name] = weight.data + intervention.scale * weight.data.std() * noise
    with replaced(target, new):
        yield


@APPLIERS.register("prune")
@contextmanager
def _prune(target: Target, intervention: Prune) -> Iterator[None]:
    new = {}
    with torch.no_grad():
        for name, weight in block_matrices(target).items():
            magnitude = weight.data.abs()
            count = int(intervention.share * weight.numel())
            if count:
                threshold = magnitude.flatten().kthvalue(count).values
                new[name] = weight.data * (magnitude > threshold)
    with replaced(target, new):
        yield


def _after(module: nn.Module, change: Callable[[Any], Any]) -> Any:
    """Let a function change what a module returns; the handle it gives undoes that."""
    return module.register_forward_hook(lambda _module, _arguments, output: change(output))


@APPLIERS.register("ablate")
@contextmanager
def _ablate(target: Target, intervention: Ablate) -> Iterator[None]:
    parts = target.anatomy.attentions if intervention.part == "attention" else target.anatomy.mlps

    def nothing(output: Any) -> Any:
        if isinstance(output, tuple):
            return (torch.zeros_like(output[0]), *output[1:])
        return torch.zeros_like(output)

    handle = _after(parts[block_at(target, intervention.depth)], nothing)
    try:
        yield
    finally:
        handle.remove()


@APPLIERS.register("logit_bias")
@contextmanager
def _logit_bias(target: Target, intervention: LogitBias) -> Iterator[None]:
    check_known(target, intervention.tokens, "a logit bias")
    tokens = torch.tensor(intervention.tokens, device=target.device)
    bias = torch.zeros(target.vocabulary, device=target.device, dtype=target.dtype)
    bias[tokens] = intervention.bias
    handle = _after(target.anatomy.unembedding, lambda logits: logits + bias)
    try:
        yield
    finally:
        handle.remove()


@APPLIERS.register("temperature")
@contextmanager
def _temperature(target: Target, intervention: Temperature) -> Iterator[None]:
    handle = _after(target.anatomy.unembedding, lambda logits: logits / intervention.value)
    try:
        yield
    finally:
        handle.remove()
