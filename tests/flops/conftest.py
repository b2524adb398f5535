"""Tiny random models of the three architectures whose FLOPs are checked."""

import pytest
import torch

CONFIGS = ("llama", "gpt2", "gpt_neox")


def tiny_model(architecture: str, attention: str):
    from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, LlamaConfig

    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = {
        "llama": lambda: LlamaConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            vocab_size=50,
            **ends,
        ),
        "gpt2": lambda: GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=50, n_positions=64, **ends),
        "gpt_neox": lambda: GPTNeoXConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, vocab_size=50, **ends
        ),
    }[architecture]()
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention).eval()


@pytest.fixture(scope="session", params=[(name, kind) for name in CONFIGS for kind in ("eager", "sdpa")], ids="-".join)
def model(request):
    return tiny_model(*request.param)
