"""Where the parts of a transformer are: a thin map over Hugging Face's module names.

A method should not care whether the blocks are called `model.layers` or `transformer.h`. The map names the parts
that interpretability work needs and leaves everything else to plain PyTorch: what it returns are the model's own
modules, to be hooked, called or differentiated as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from istar.registry import Registry
from istar.targets.errors import UnknownArchitectureError


@dataclass(frozen=True)
class PartNames:
    """Dotted names of the parts in one architecture.

    Attributes:
        base: the model without its unembedding.
        embedding: token embedding.
        blocks: the list of transformer blocks.
        final_norm: the norm before the unembedding.
        attention: attention module, within a block.
        mlp: feed-forward module, within a block.
        heads_out: the map from the outputs of all heads, side by side, to the residual stream, within the attention;
            empty where there is none, and then nothing that needs it can be done.
        mlp_out: the last map of the feed-forward module, to the residual stream, within it; empty likewise.
    """

    base: str
    embedding: str
    blocks: str
    final_norm: str
    attention: str
    mlp: str
    heads_out: str = ""
    mlp_out: str = ""


ARCHITECTURES: Registry[PartNames] = Registry("architecture")

_LLAMA = PartNames(
    "model", "model.embed_tokens", "model.layers", "model.norm", "self_attn", "mlp", "o_proj", "down_proj"
)
for _model_type in ("llama", "mistral", "qwen2", "qwen3"):
    ARCHITECTURES.add(_model_type, _LLAMA)
ARCHITECTURES.add(
    "gpt2",
    PartNames("transformer", "transformer.wte", "transformer.h", "transformer.ln_f", "attn", "mlp", "c_proj", "c_proj"),
)
ARCHITECTURES.add(
    "gpt_neox",
    PartNames(
        "gpt_neox",
        "gpt_neox.embed_in",
        "gpt_neox.layers",
        "gpt_neox.final_layer_norm",
        "attention",
        "mlp",
        "dense",
        "dense_4h_to_h",
    ),
)


@dataclass(frozen=True)
class Anatomy:
    """The parts of one loaded model.

    Attributes:
        base: the model without its unembedding; its output is what `final_norm` returns.
        embedding: token embedding; its output enters block 0 (after learned positions are added, in GPT-2).
        blocks: the transformer blocks in order; each takes and returns the residual stream.
        attentions: the attention module of each block.
        mlps: the feed-forward module of each block.
        final_norm: the norm between the last block and the unembedding.
        unembedding: the linear map from the normalised residual stream to logits.
        heads_outs: the map of each block from the outputs of all heads, side by side, to the residual stream; none
            where the part names have none, or where some block lacks it.
        mlp_outs: the last map of each block's feed-forward module; none likewise.
    """

    base: nn.Module
    embedding: nn.Module
    blocks: tuple[nn.Module, ...]
    attentions: tuple[nn.Module, ...]
    mlps: tuple[nn.Module, ...]
    final_norm: nn.Module
    unembedding: nn.Module
    heads_outs: tuple[nn.Module, ...] = ()
    mlp_outs: tuple[nn.Module, ...] = ()


def part_names(model_type: str) -> PartNames:
    """Return the names of the parts of an architecture.

    Args:
        model_type: Hugging Face's `config.model_type`.

    Raises:
        UnknownArchitectureError: we have no map of it.
    """
    if model_type not in ARCHITECTURES:
        raise UnknownArchitectureError(
            f"the architecture {model_type!r} is unknown; known are {', '.join(ARCHITECTURES)}. If its blocks take and "
            "return the residual stream and its attention goes through Hugging Face's attention interface, add its "
            f"part names: istar.targets.anatomy.ARCHITECTURES.add({model_type!r}, PartNames(...)) in a "
            "file that ISTAR_PLUGINS names."
        )
    return ARCHITECTURES.get(model_type)


def dissect(module: nn.Module) -> Anatomy:
    """Return the anatomy of a Hugging Face causal language model.

    Raises:
        UnknownArchitectureError: the model type is unknown, or the model lacks a part that its type should have.
    """
    model_type = str(getattr(getattr(module, "config", None), "model_type", type(module).__name__))
    names = part_names(model_type)

    def part(owner: nn.Module, name: str) -> nn.Module:
        try:
            return owner.get_submodule(name)
        except AttributeError as error:
            raise UnknownArchitectureError(
                f"a {type(module).__name__} of type {model_type!r} should have a part {name!r}: {error}; "
                f"load it as a causal language model, or correct the part names that are registered for {model_type!r}"
            ) from error

    find_unembedding: Any = getattr(module, "get_output_embeddings", lambda: None)
    unembedding = find_unembedding()
    if not isinstance(unembedding, nn.Module):
        raise UnknownArchitectureError(
            f"{type(module).__name__} has no unembedding; load it as a causal language model"
        )

    def maps(owners: tuple[nn.Module, ...], name: str) -> tuple[nn.Module, ...]:
        found = [module for owner in owners for at, module in owner.named_modules() if name and at == name]
        return tuple(found) if len(found) == len(owners) else ()  # experts have no one map, say

    blocks = tuple(part(module, names.blocks).children())
    attentions = tuple(part(block, names.attention) for block in blocks)
    mlps = tuple(part(block, names.mlp) for block in blocks)
    return Anatomy(
        base=part(module, names.base),
        embedding=part(module, names.embedding),
        blocks=blocks,
        attentions=attentions,
        mlps=mlps,
        final_norm=part(module, names.final_norm),
        unembedding=unembedding,
        heads_outs=maps(attentions, names.heads_out),
        mlp_outs=maps(mlps, names.mlp_out),
    )
