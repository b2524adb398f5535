"""Situations that other tools were reported for, where nothing fails and values are wrong (docs/tried.md)."""

import json
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from istar.methods.tools.gradients import gradient_factors
from istar.questions import (
    Ablate,
    FineTune,
    LogitBias,
    Prune,
    Run,
    SpanLogprob,
    Steer,
    Temperature,
    WeightNoise,
)
from istar.targets import load_target
from istar.targets.tiny import byte_tokenizer, randomise

TOKENS = (0, 70, 100, 71, 90, 66)
RUNS = [Run(TOKENS, SpanLogprob(3)), Run((*TOKENS[:3], 9, 8, 7), SpanLogprob(2))]
INTERVENTIONS = (
    Steer((0, 5), (0, 6), 1.0, 0.5),
    FineTune((TOKENS,), (3,), 0.1, 2),
    Ablate(0.5, "mlp"),
    WeightNoise(1, 0.1),
    Prune(0.3),
    LogitBias((4,), 2.0),
    Temperature(2.0),
)


def llama(**changes):
    sizes = {"vocab_size": 258, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    config = LlamaConfig(**sizes, num_attention_heads=4, bos_token_id=0, eos_token_id=1, **changes)
    with torch.random.fork_rng(devices=[]):
        return randomise(LlamaForCausalLM(config), seed=2).eval()


def saved(module: torch.nn.Module, folder: Path, **changes: object) -> str:
    module.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    for name, value in changes.items():
        config.pop(name) if value is None else config.update({name: value})
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def logits(module: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return module(torch.arange(2, 60)[None]).logits


def test_an_unembedding_of_its_own_is_kept_though_the_settings_tie_it(tmp_path):
    module = llama()
    target = load_target(saved(module, tmp_path, tie_word_embeddings=True))
    assert torch.allclose(logits(target.module), logits(module), atol=1e-5)


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ({"rope_type": "default"}, {}),
        ({"rope_type": "linear", "factor": 4.0}, {"rope_scaling": {"type": "linear", "factor": 4.0}}),
    ],
    ids=["base", "scaled"],
)
def test_rotary_settings_are_read_where_older_files_have_them(now, before, tmp_path):
    module = llama(rope_parameters={"rope_theta": 500_000.0, **now})
    target = load_target(saved(module, tmp_path, rope_parameters=None, rope_theta=500_000.0, **before))
    assert torch.allclose(logits(target.module), logits(module), atol=1e-5)
    assert not torch.allclose(logits(llama()), logits(module), atol=1e-2)


def test_dropout_is_off_and_the_scale_of_each_layer_kept_in_packed_runs(tmp_path):
    config = GPT2Config(
        vocab_size=258, n_positions=64, n_embd=32, n_layer=3, n_head=4, scale_attn_by_inverse_layer_idx=True,
        resid_pdrop=0.5, attn_pdrop=0.5, embd_pdrop=0.5, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        module = randomise(GPT2LMHeadModel(config), seed=2).train()
    target = load_target(saved(module, tmp_path))
    assert target.values(RUNS).tolist() == pytest.approx(target.slow_values(RUNS), abs=1e-4)
    assert torch.equal(target.values(RUNS), target.values(RUNS))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("intervention", INTERVENTIONS, ids=lambda each: each.kind)
def test_a_target_is_what_it_was_to_the_last_bit_after_a_run_that_failed(intervention, dtype, tmp_path):
    target = load_target(saved(llama(), tmp_path), dtype)
    before = target.values(RUNS)
    weights = {name: weight.data.clone() for name, weight in target.module.named_parameters()}

    def fail(_stream, _positions):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        target.run([Run(TOKENS, SpanLogprob(3), intervention)], hooks={1: fail})
    parts = list(target.module.modules())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in parts)
    assert all(torch.equal(weights[name], weight.data) for name, weight in target.module.named_parameters())
    assert torch.equal(target.values(RUNS), before)


def test_gradients_do_not_add_up_over_calls(tmp_path):
    target = load_target(saved(llama(), tmp_path))
    (_, first), (_, again) = (next(iter(gradient_factors(target, RUNS[:1]))) for _ in range(2))
    assert all(torch.equal(first.outputs[name], again.outputs[name]) for name in first.outputs)
    assert all(weight.grad is None and not weight.requires_grad for weight in target.module.parameters())
