"""How interventions on one component change a target, and change it back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from istar.questions.component_interventions import AblateHead, Edit, Quantise
from istar.targets.appliers import block_at, replaced
from istar.targets.errors import TargetError
from istar.targets.interventions import APPLIERS
from istar.targets.limits import check_known, check_tokens
from istar.targets.packed_forward import residual_stream

if TYPE_CHECKING:
    from istar.targets.target import Target


def by_output(module: nn.Module, matrix: Tensor) -> Tensor:
    """Return a matrix of a module with the weights of each output in a row, or such a matrix as the module keeps it.

    Both are the same but in `Conv1D` (GPT-2), which keeps the weights of an output in a column.
    """
    from transformers.pytorch_utils import Conv1D

    return matrix.T if isinstance(module, Conv1D) else matrix


def head_at(target: Target, head: float) -> int:
    """Return the number of the head that has the share `head` of a block's heads before it, rounded down."""
    heads = heads_of(target)
    return min(int(head * heads + 1e-9), heads - 1)


def heads_of(target: Target) -> int:
    """Return how many attention heads a block has."""
    config: Any = target.module.config
    return int(config.get_text_config(decoder=True).num_attention_heads)


def _map(target: Target, maps: Sequence[nn.Module], block: int, name: str) -> nn.Module:
    """Return the output map of a block's attention or MLP, if the architecture says where it is."""
    if not maps:
        config: Any = target.module.config
        raise TargetError(
            f"{target.name} cannot be changed there: its blocks have no map that the part names of its architecture "
            f"{config.model_type!r} give as `{name}`; register it with them, as in PartNames(..., {name}='down_proj')"
        )
    return maps[block]


def _parameter_names(target: Target) -> dict[int, str]:
    return {id(weight): name for name, weight in target.module.named_parameters()}


@APPLIERS.register("ablate_head")
@contextmanager
def _ablate_head(target: Target, intervention: AblateHead) -> Iterator[None]:
    projection = _map(target, target.anatomy.heads_outs, block_at(target, intervention.depth), "heads_out")
    inputs = by_output(projection, projection.get_parameter("weight")).shape[1]
    width, head = inputs // heads_of(target), head_at(target, intervention.head)
    kept = torch.ones(inputs, device=target.device, dtype=target.dtype)
    kept[head * width : (head + 1) * width] = 0
    handle = projection.register_forward_pre_hook(lambda _module, arguments: (arguments[0] * kept, *arguments[1:]))
    try:
        yield
    finally:
        handle.remove()


@APPLIERS.register("quantise")
@contextmanager
def _quantise(target: Target, intervention: Quantise) -> Iterator[None]:
    parts = target.anatomy.attentions if intervention.part == "attention" else target.anatomy.mlps
    names = _parameter_names(target)
    new = {}
    with torch.no_grad():
        for module in parts[block_at(target, intervention.depth)].modules():
            for weight in module.parameters(recurse=False):
                if weight.ndim == 2:
                    rounded = _rounded(by_output(module, weight.data), intervention.bits)
                    new[names[id(weight)]] = by_output(module, rounded)
    with replaced(target, new):
        yield


def _rounded(matrix: Float[Tensor, "outputs inputs"], bits: int) -> Float[Tensor, "outputs inputs"]:
    """Return a matrix rounded to multiples of one scale for each row; a row of zeros stays."""
    precise = matrix.to(torch.promote_types(matrix.dtype, torch.float32))
    scale = precise.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    return torch.where(scale > 0, scale * torch.round(precise / scale), precise).to(matrix.dtype)


@APPLIERS.register("edit")
@contextmanager
def _edit(target: Target, intervention: Edit) -> Iterator[None]:
    for prompt in intervention.subjects:
        check_tokens(target, prompt, "a subject of an edit")
    check_known(target, (intervention.wanted, intervention.known), "an edit")
    block = block_at(target, intervention.depth)
    edited = _map(target, target.anatomy.mlp_outs, block, "mlp_out")
    weight = edited.get_parameter("weight")
    with torch.no_grad():
        key = torch.stack([_input_at_end(target, edited, block, each) for each in intervention.subjects]).mean(0)
        rows = target.anatomy.unembedding.get_parameter("weight")
        direction = nn.functional.normalize(rows[intervention.wanted] - rows[intervention.known], dim=0)
        size = intervention.strength * edited(key).norm() / key.square().sum()
        new = by_output(edited, weight.data) + torch.outer(size * direction, key)
    with replaced(target, {_parameter_names(target)[id(weight)]: by_output(edited, new)}):
        yield


def _input_at_end(target: Target, module: nn.Module, block: int, tokens: tuple[int, ...]) -> Float[Tensor, " inputs"]:
    """Return what enters a module of a block at the last of some tokens; no later block is computed."""
    seen: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda _module, arguments: seen.append(arguments[0][0, -1]))
    try:
        residual_stream(target.anatomy, block + 1, input_ids=torch.tensor([tokens], device=target.device))
    finally:
        handle.remove()
    return seen[-1]
