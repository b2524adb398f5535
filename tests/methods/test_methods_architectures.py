"""The library on GPT-2, GPT-NeoX, Qwen and Mistral, some blocks with short windows: what ought to be exact, is."""

import copy

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, MistralConfig, Qwen2Config

from istar.methods import Interpretation, align, load_method
from istar.methods.check_questions import sample_questions
from istar.methods.library import library_methods
from istar.methods.recorder import record
from istar.questions import Column, QuestionView, Run, SpanLogprob, Structure
from istar.targets import wrap
from istar.targets.tiny import byte_tokenizer, randomise

VOCABULARY = {"vocab_size": 258, "bos_token_id": 0, "eos_token_id": 1}
SHAPE = {
    **VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "max_position_embeddings": 512,
}
CONFIGURATIONS = {
    "gpt2": GPT2Config(**VOCABULARY, n_embd=32, n_layer=3, n_head=2, n_positions=512),
    "gpt_neox": GPTNeoXConfig(**SHAPE),
    "mistral": MistralConfig(**SHAPE, num_key_value_heads=1, sliding_window=12),
    "qwen2": Qwen2Config(**SHAPE, num_key_value_heads=2),
    "qwen2 with windows above": Qwen2Config(
        **SHAPE, num_key_value_heads=2, use_sliding_window=True, sliding_window=16, max_window_layers=1
    ),
}


@pytest.fixture(scope="module", params=sorted(CONFIGURATIONS))
def small(request):
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(CONFIGURATIONS[request.param], attn_implementation="sdpa")
    return wrap(randomise(module, seed=3), byte_tokenizer(), request.param, request.param)


def channels(name, question, target, edits=(), tensors=None):
    source = library_methods()[name].read_text()
    for old, new in edits:
        assert old in source
        source = source.replace(old, new)
    rows = [np.arange(len(question.runs))]
    method = load_method(source, name)
    return record(method, question, "q", rows, target, Interpretation(tensors or {})).batches[0].channels[:, 0]


@pytest.mark.parametrize("kind", ["parts switched on and off", "one part removed at a time"])
def test_rows_that_lack_nothing_are_exact(kind, small):
    question = sample_questions(small)[kind]
    alignment = align(question)
    whole = [
        row
        for row, run in enumerate(question.runs)
        if all(len(place.kept) == len(alignment.contexts[place.context]) for place in alignment.of(run))
    ]
    exact = [small.slow_value(question.runs[row]) for row in whole]
    assert np.allclose(channels("attention_knockout", question, small)[whole], exact, atol=1e-3)
    mean = {"mean": torch.zeros(small.width)}
    assert np.allclose(channels("integrated_gradients", question, small, tensors=mean)[whole], exact, atol=1e-3)
    for name in ("gradient_activation", "direct_logit_attribution"):
        assert np.allclose(channels(name, question, small)[whole], exact, atol=1e-3)
    assert np.isfinite(channels("attention_gates", question, small)).all()


def test_gradients_of_input_embeddings_predict_small_moves_of_them(small):
    """A base run is exact, and a substitute that is hardly another token moves the value as the gradient says."""
    moved = copy.deepcopy(small)
    weight = moved.anatomy.embedding.weight
    with torch.no_grad():
        weight[100] = weight[50] + 0.01 * torch.randn(moved.width, generator=torch.Generator().manual_seed(0))
    base, run = (Run((0, *range(40, 50), token, 51, 52, 60), SpanLogprob(14)) for token in (50, 100))
    column = Column("row", "nuisance", (0.0, 1.0))
    found = channels("attribution_patching", QuestionView((base, run), Structure((column,))), moved)
    before, after = moved.slow_value(base), moved.slow_value(run)
    assert found[0] == pytest.approx(before, abs=1e-4)
    assert found[1] - found[0] == pytest.approx(after - before, rel=0.2)


def test_a_forward_without_blocks_that_lacks_none_is_exact_and_one_that_lacks_all_reads_the_embeddings(small):
    question = sample_questions(small)["plain sequences"]
    exact = [small.slow_value(run) for run in question.runs]
    assert np.allclose(channels("layer_skipping", question, small, [("SHARE = 0.2", "SHARE = 0.0")]), exact, atol=1e-3)
    none = channels("layer_skipping", question, small, [("SHARE = 0.2", "SHARE = 1.0"), ("FIRST = 0.4", "FIRST = 0.0")])
    embedded = channels("logit_lens", question, small, [("DEPTH = 0.87", "DEPTH = 0.0")])
    assert np.allclose(none, embedded, atol=1e-4)
    assert not np.allclose(none, exact, atol=0.1)
