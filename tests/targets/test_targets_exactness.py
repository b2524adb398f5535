"""A model whose packed runs or logits would be another model's is refused when it is loaded."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    CohereConfig,
    FalconConfig,
    Gemma2Config,
    GPTJConfig,
    GptOssConfig,
    GraniteConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    PreTrainedConfig,
    Qwen2MoeConfig,
)
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from istar.questions import Entropy, Run
from istar.targets import TargetError, UnknownArchitectureError, load_target, wrap
from istar.targets.anatomy import ARCHITECTURES, PartNames
from istar.targets.exactness import check_exact
from istar.targets.hashing import target_id
from istar.targets.tiny import byte_tokenizer, randomise

LLAMA = ARCHITECTURES.get("llama")
GPT2 = ARCHITECTURES.get("gpt2")
FALCON = PartNames(
    "transformer", "transformer.word_embeddings", "transformer.h", "transformer.ln_f", "self_attention", "mlp"
)
STATEFUL = PartNames("backbone", "backbone.embeddings", "backbone.layers", "backbone.norm_f", "mixer", "norm")
SIZES = {"vocab_size": 258, "bos_token_id": 0, "eos_token_id": 1}
MODERN = {**SIZES, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.fixture
def add_architecture(monkeypatch):
    monkeypatch.setattr(ARCHITECTURES, "_entries", dict(ARCHITECTURES._entries))
    return ARCHITECTURES.add


def made(config: PreTrainedConfig, dtype: torch.dtype = torch.float32):
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(config)
    randomise(module, seed=3).to(dtype)
    return wrap(module, byte_tokenizer(), config.model_type, target_id(module))


def saved(module: torch.nn.Module, folder: Path) -> str:
    module.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return str(folder)


def llama() -> LlamaForCausalLM:
    with torch.random.fork_rng(devices=[]):
        return randomise(LlamaForCausalLM(LlamaConfig(**MODERN)), seed=3)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_what_packed_runs_can_run_passes(target, dtype):
    target.module.to(dtype)
    try:
        check_exact(target)
    finally:
        target.module.to(torch.float32)


@pytest.mark.parametrize(
    "config",
    [GraniteConfig(**MODERN, logits_scaling=8.0), CohereConfig(**MODERN, pad_token_id=1, logit_scale=0.25)],
    ids=lambda config: config.model_type,
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_scaled_logits_are_refused(config, dtype, add_architecture):
    add_architecture(config.model_type, LLAMA)
    with pytest.raises(UnknownArchitectureError, match="are not what its final norm and unembedding give"):
        check_exact(made(config, dtype))


GPTJ = GPTJConfig(**SIZES, n_embd=32, n_layer=2, n_head=4, rotary_dim=4)
MAMBA = MambaConfig(**SIZES, hidden_size=32, num_hidden_layers=2, state_size=4)


@pytest.mark.parametrize(
    ("config", "names", "dtype"),
    [(GPTJ, GPT2, torch.float32), (GPTJ, GPT2, torch.bfloat16), (MAMBA, STATEFUL, torch.float32)],
    ids=["gptj", "gptj in half precision", "mamba"],
)
def test_an_attention_of_its_own_and_a_state_are_refused(config, names, dtype, add_architecture):
    add_architecture(config.model_type, names)
    with pytest.raises(UnknownArchitectureError, match="do not give its own residual stream"):
        check_exact(made(config, dtype))


def test_a_forward_that_packed_runs_cannot_call_is_refused_in_words(add_architecture):
    add_architecture("falcon", FALCON)
    with pytest.raises(UnknownArchitectureError, match=r"loaded as 'falcon', cannot be run packed \(TypeError: "):
        check_exact(made(FalconConfig(**MODERN)))


def test_loading_checks(tmp_path, monkeypatch, add_architecture):
    add_architecture("granite", LLAMA)
    with torch.random.fork_rng(devices=[]):
        granite = AutoModelForCausalLM.from_config(GraniteConfig(**MODERN, logits_scaling=8.0))
    with pytest.raises(UnknownArchitectureError, match="scales, caps or shifts them"):
        load_target(saved(granite, tmp_path))


def test_outputs_that_are_no_numbers_are_refused(tmp_path):
    broken = llama()
    broken.lm_head.weight.data[7] = torch.nan
    with pytest.raises(TargetError, match=r"are not finite in torch\.float32: its weights are damaged"):
        load_target(saved(broken, tmp_path / "broken"))


def test_weights_too_large_for_a_dtype_are_refused_in_it_alone(tmp_path):
    large = llama()
    large.lm_head.weight.data *= 1e6
    folder = saved(large, tmp_path)
    assert load_target(folder, "bfloat16").dtype == torch.bfloat16
    with pytest.raises(TargetError, match=r"not finite in torch\.float16.*or a wider one"):
        load_target(folder, "float16")


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("config.json", {"model_type": "fancy", "auto_map": {"AutoConfig": "own_code.Fancy"}}),
        (
            "tokenizer_config.json",
            {"tokenizer_class": "Fancy", "auto_map": {"AutoTokenizer": ["own_code.Fancy", None]}},
        ),
    ],
    ids=["model", "tokenizer"],
)
def test_code_that_comes_with_a_model_is_never_run(file, changes, tmp_path, monkeypatch):
    folder = Path(saved(llama(), tmp_path))
    (folder / file).write_text(json.dumps(json.loads((folder / file).read_text()) | changes))
    (folder / "own_code.py").write_text("raise SystemExit('it ran')")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(TargetError, match="needs code that comes with it, and istar never runs a model's own code"):
        load_target(str(folder))


GEMMA = {**MODERN, "head_dim": 8, "num_key_value_heads": 2, "final_logit_softcapping": None, "sliding_window": 4}
EXPERTS = {**MODERN, "num_key_value_heads": 2, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
           "shared_expert_intermediate_size": 16, "decoder_sparse_step": 1}  # fmt: skip


SOFT_CAPS = Gemma2Config(**GEMMA, attn_logit_softcapping=5.0)
SINKS = GptOssConfig(
    **{**MODERN, "hidden_size": 64}, head_dim=8, num_key_value_heads=2, num_local_experts=4,
    layer_types=["full_attention"] * 2,
)  # fmt: skip
WINDOW_IN_MASK = Qwen2MoeConfig(**EXPERTS, use_sliding_window=True, sliding_window=4, max_window_layers=2)


@pytest.mark.parametrize(
    ("config", "what"),
    [
        (SOFT_CAPS, "softcap, which Gemma2Attention has"),
        (SINKS, "s_aux, which GptOssAttention has"),
        (WINDOW_IN_MASK, "a sliding window that only its mask knows of, which Qwen2MoeAttention has"),
    ],
    ids=lambda value: getattr(value, "model_type", None),
)
def test_attention_that_packed_runs_do_not_have_is_refused(config, what, add_architecture):
    add_architecture(config.model_type, LLAMA)
    with pytest.raises(TargetError, match=f"packed runs do not support attention with {what}"):
        check_exact(made(config))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (SOFT_CAPS, r"\(of type 'gemma2'\) is more than a scaled dot product"),
        (SINKS, r"\(of type 'gpt_oss'\) is more than a scaled dot product"),
        (WINDOW_IN_MASK, "a sliding window that only its mask knows of"),
    ],
    ids=lambda value: getattr(value, "model_type", None),
)
def test_it_is_refused_when_a_model_is_loaded(config, expected, tmp_path, add_architecture):
    add_architecture(config.model_type, LLAMA)
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(config)
    with pytest.raises(TargetError, match=expected):
        load_target(saved(randomise(module, seed=3), tmp_path))


@pytest.mark.parametrize(
    "config",
    [Gemma2Config(**GEMMA, attn_logit_softcapping=None), Qwen2MoeConfig(**EXPERTS)],
    ids=lambda config: config.model_type,
)
def test_windows_that_attention_is_told_of_and_experts_are_run_exactly(config, add_architecture):
    add_architecture(config.model_type, LLAMA)
    target = made(config)
    check_exact(target)
    experts = "num_experts" in config.to_dict()
    assert bool(target.anatomy.mlp_outs) != experts  # which have no one map, and that keeps nobody from loading them
    generator = np.random.default_rng(2)
    shared = tuple(generator.integers(2, 258, 12).tolist())
    runs = [Run((0, *shared[:cut], *generator.integers(2, 258, 5).tolist()), Entropy()) for cut in (3, 8, 12)]
    np.testing.assert_allclose(target.values(runs), target.slow_values(runs), atol=1e-4)
