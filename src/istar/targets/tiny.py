"""`tiny-random`: a small Llama with random weights and a byte-level tokenizer, built in code.

It costs nothing to make or to run and needs no file, so tests and `istar check` use it. Its weights depend on a fixed
seed only, and are large enough that its outputs differ much from token to token.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

SEED = 20_240_601


def byte_tokenizer() -> Any:
    """Return a tokenizer with one token a byte, and `<s>` and `</s>`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<s>", "</s>", *alphabet]
    backend = Tokenizer(models.BPE(vocab={word: number for number, word in enumerate(words)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>")


def randomise(module: nn.Module, seed: int) -> nn.Module:
    """Give a model random weights that depend on the seed alone.

    Matrices keep the scale of what passes through them, norms stay near one, and the token embedding has unit scale.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(module.named_parameters(), key=lambda item: item[0]):
            noise = torch.randn(weight.shape, generator=generator)
            if weight.ndim == 1:
                weight.copy_(0.1 * noise + (0.0 if name.endswith("bias") else 1.0))
            elif "emb" in name or "wte" in name or "wpe" in name:
                weight.copy_(noise)
            else:
                weight.copy_(noise * 1.5 / math.sqrt(weight.shape[1]))
    return module


def tiny_llama() -> nn.Module:
    """Return the model: 4 blocks, width 64, 4 heads over 2 key-value heads, 258 tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=258,
        hidden_size=64,
        intermediate_size=160,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
        tie_word_embeddings=False,
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng(devices=[]):
        return randomise(LlamaForCausalLM(config), SEED)
