from __future__ import annotations

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
)

from istar.targets import Target, wrap
from istar.targets.hashing import target_id
from istar.targets.tiny import byte_tokenizer, randomise

SIZES = {"vocab_size": 258, "bos_token_id": 0, "eos_token_id": 1, "attn_implementation": "sdpa"}
MODERN = {
    **SIZES,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
}
CONFIGS = {
    "llama": lambda: LlamaConfig(**MODERN, num_key_value_heads=2, tie_word_embeddings=True),
    "gpt2": lambda: GPT2Config(**SIZES, n_embd=48, n_layer=3, n_head=4, n_positions=512),
    "gpt_neox": lambda: GPTNeoXConfig(**MODERN, use_parallel_residual=True),
    "mistral": lambda: MistralConfig(**MODERN, num_key_value_heads=2, sliding_window=16),
    "qwen2": lambda: Qwen2Config(**MODERN, num_key_value_heads=4),
}


def small_target(architecture: str) -> Target:
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(CONFIGS[architecture](), attn_implementation="sdpa")
    randomise(module, seed=7)
    return wrap(module, byte_tokenizer(), architecture, target_id(module))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory, monkeypatch, request):
    if "smollm2" not in request.keywords:
        monkeypatch.setenv("ISTAR_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session", params=sorted(CONFIGS))
def target(request) -> Target:
    return small_target(request.param)


@pytest.fixture(scope="session")
def llama() -> Target:
    return small_target("llama")
