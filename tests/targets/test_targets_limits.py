"""Rows end where a model can no longer run them, or where their values would depend on the rows beside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import GPT2Config, LlamaConfig, OPTConfig, OPTForCausalLM
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from istar.questions import (
    ChoiceProbability,
    Entropy,
    FineTune,
    KLFrom,
    LogitBias,
    Run,
    SpanLogprob,
    SpanMargin,
    Steer,
)
from istar.targets import RowError, Target, TargetError, UnknownArchitectureError, build_corpus, load_target, wrap
from istar.targets.anatomy import ARCHITECTURES, PartNames
from istar.targets.costs import metered_forward
from istar.targets.exactness import check_exact
from istar.targets.hashing import target_id
from istar.targets.limits import row_limit
from istar.targets.tiny import byte_tokenizer, randomise

LENGTH = 24
SIZES = {"vocab_size": 258, "bos_token_id": 0, "eos_token_id": 1}
MODERN = {
    **SIZES,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": LENGTH,
}
LONG = {"short_factor": [1.0] * 4, "long_factor": [4.0] * 4, "factor": 4.0, "original_max_position_embeddings": LENGTH}
ROPES = {
    "default": {},
    "linear": {"factor": 2.0},
    "llama3": {
        "factor": 4.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": LENGTH,
    },
    "yarn": {"factor": 4.0, "original_max_position_embeddings": LENGTH},
    "dynamic": {"factor": 4.0},
    "longrope": LONG,
}
LIMITED = ("dynamic", "longrope")


def made(config) -> Target:
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    randomise(module, seed=5)
    return wrap(module, byte_tokenizer(), config.model_type, target_id(module))


def rope(kind: str) -> Target:
    longest = 4 * LENGTH if kind in ("longrope", "yarn", "llama3") else LENGTH
    parameters = {"rope_type": kind, "rope_theta": 100.0, **ROPES[kind]}
    return made(LlamaConfig(**{**MODERN, "max_position_embeddings": longest}, rope_parameters=parameters))


def gpt2() -> Target:
    return made(GPT2Config(**SIZES, n_embd=32, n_layer=2, n_head=4, n_positions=LENGTH))


def row(length: int, seed: int = 0) -> Run:
    return Run((0, *np.random.default_rng(seed).integers(2, 258, length - 1).tolist()), Entropy())


@pytest.mark.parametrize("kind", ROPES)
def test_a_row_is_worth_the_same_alone_beside_others_and_by_a_plain_forward(kind):
    target = rope(kind)
    lengths = [LENGTH] if kind in LIMITED else [LENGTH, 4 * LENGTH]
    short, *long = row(9), *(row(length, seed=length) for length in lengths)
    plain = target.slow_values([short, *long])
    beside = target.values([short, *long])
    alone = [float(target.values([run])[0]) for run in (short, *long)]
    again = target.slow_values([short, *long])
    np.testing.assert_allclose(beside, plain, atol=1e-4)
    np.testing.assert_allclose(alone, plain, atol=1e-4)
    np.testing.assert_allclose(again, plain, atol=1e-4)


@pytest.mark.parametrize("kind", LIMITED)
def test_rows_end_where_frequencies_change_with_the_longest(kind):
    target = rope(kind)
    assert target.limit is not None
    assert target.limit.tokens == LENGTH
    expected = (
        rf"row 1 has {LENGTH + 1} tokens, but llama takes {LENGTH} at most, because beyond, its positions \(RoPE of "
    )
    for ask in (target.values, target.run, target.slow_values, lambda runs: list(target.iter_values(runs))):
        with pytest.raises(RowError, match=expected + f"type '{kind}'"):
            ask([row(9), row(LENGTH + 1)])
    with pytest.raises(RowError, match=f"a sequence has {LENGTH + 1} tokens"):
        target.forward(torch.zeros(2, LENGTH + 1, dtype=torch.int64))
    check_exact(target)


@pytest.mark.parametrize("kind", LIMITED)
def test_without_the_limit_loading_finds_the_component(kind):
    target = rope(kind)
    unlimited = wrap(target.module, target.tokenizer, kind, target.id)
    object.__setattr__(unlimited, "limit", None)
    with pytest.raises(
        UnknownArchitectureError, match=r"changed by one at position \d+ beside it, first in its rotary_emb"
    ):
        check_exact(unlimited)


@pytest.mark.parametrize("kind", [kind for kind in ROPES if kind not in LIMITED])
def test_other_rotary_models_run_rows_of_any_length(kind):
    target = rope(kind)
    assert target.limit is None
    check_exact(target)


def test_an_attention_in_chunks_ends_at_a_chunk():
    config = LlamaConfig(**MODERN)
    config.attention_chunk_size = 8
    assert made(config).limit.tokens == 8


def test_learned_positions_end_rows():
    target = gpt2()
    assert target.limit.tokens == LENGTH
    whole = row(LENGTH)
    np.testing.assert_allclose(target.values([whole]), target.slow_values([whole]), atol=1e-4)
    expected = f"row 1 has {LENGTH + 1} tokens, but gpt2 takes {LENGTH} at most, because it learned that many positions"
    for ask in (target.values, target.run, target.slow_values, lambda runs: list(target.iter_values(runs))):
        with pytest.raises(RowError, match=expected):
            ask([whole, row(LENGTH + 1)])
    with pytest.raises(RowError, match=f"a sequence has {LENGTH + 1} tokens, but gpt2"):
        target.forward(torch.zeros(1, LENGTH + 1, dtype=torch.int64))


def test_nothing_runs_before_a_row_is_refused():
    target = gpt2()
    called = []
    handle = target.anatomy.embedding.register_forward_hook(lambda *_: called.append(1))
    for runs in ([row(5), row(LENGTH + 1)], [row(5), Run((0, 258, 3), Entropy())]):
        with pytest.raises(RowError):
            target.values(runs)
    handle.remove()
    assert not called


def test_tables_that_begin_with_rows_that_are_no_positions(monkeypatch):
    names = PartNames(
        "model.decoder", "model.decoder.embed_tokens", "model.decoder.layers", "model.decoder.final_layer_norm",
        "self_attn", "fc2",
    )  # fmt: skip
    monkeypatch.setitem(ARCHITECTURES._entries, "opt", names)
    config = OPTConfig(
        **SIZES, hidden_size=32, ffn_dim=48, num_hidden_layers=2, num_attention_heads=4, word_embed_proj_dim=32,
        max_position_embeddings=LENGTH,
    )  # fmt: skip
    target = made(config)
    assert isinstance(target.module, OPTForCausalLM)
    assert target.limit.tokens == LENGTH
    whole = row(LENGTH)
    np.testing.assert_allclose(target.values([row(4), whole])[1], target.slow_value(whole), atol=1e-4)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (Run((0, 5, 258, 7), Entropy()), r"row 1 holds the token 258 \(at place 2 of 4\), but the embedding of gpt2"),
        (Run((0, 5, -1, 7), Entropy()), r"row 1 holds the token -1 \(at place 2 of 4\)"),
        (Run((999, 5, 6), Entropy()), r"row 1 holds the token 999 \(at place 0 of 3\)"),
        (Run((0, 5, 300), SpanLogprob(2)), r"row 1 holds the token 300 .*the unembedding of gpt2 ends at token 257"),
        (Run((0, 5, 6), SpanMargin(2, (300,))), "row 1 holds the token 300 .*the unembedding"),
        (Run((0, 5, 6), ChoiceProbability(2, ((7,), (300,)))), "row 1 holds the token 300 .*the unembedding"),
        (Run((0, 5, 6), KLFrom((0, 300))), "row 1 holds the token 300 .*the embedding"),
        (Run((0, 5), KLFrom(tuple(range(LENGTH + 2)))), f"row 1 has {LENGTH + 2} tokens"),
    ],
    ids=lambda value: None,
)  # fmt: skip
def test_tokens_that_a_model_does_not_know(run, expected):
    target = gpt2()
    for ask in (target.values, target.run, target.slow_values):
        with pytest.raises(RowError, match=expected):
            ask([row(5), run])


def test_sequences_with_tokens_that_a_model_does_not_know():
    with pytest.raises(RowError, match=r"sequence 1 holds the token 258 \(at place 1 of 2\)"):
        gpt2().forward(torch.tensor([[0, 1], [2, 258]]))


@pytest.mark.parametrize(
    "intervention",
    [
        FineTune(((0, 5, 300),), (1,), 0.1),
        FineTune(((0, *range(2, 2 + LENGTH + 1)),), (1,), 0.1),
        Steer((0, 5, 300), (0, 6), 1.0, 0.5),
        LogitBias((7, 300), 1.0),
    ],
    ids=["fine-tune", "long fine-tune", "steer", "logit bias"],
)
def test_tokens_of_interventions_that_a_model_does_not_know(intervention):
    with pytest.raises(
        RowError, match=r"a (sequence of a fine-tune|prompt of a steering vector|logit bias) (holds|has)"
    ):
        gpt2().values([Run((0, 5, 6), Entropy(), intervention)])


def test_a_first_token_that_a_model_does_not_know():
    target = gpt2()
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<start>"})
    other = wrap(target.module, tokenizer, "gpt2", target.id)
    with pytest.raises(TargetError, match="starts with the token 258 of the tokenizer, but the embedding of gpt2 ends"):
        assert other.bos
    with pytest.raises(TargetError, match="the tokenizer is not this model's"):
        check_exact(other)


def test_a_corpus_longer_than_a_target_takes():
    with pytest.raises(RowError, match=rf"\(corpus_length\) has 128 tokens, but gpt2 takes {LENGTH} at most"):
        build_corpus(gpt2())


def test_a_model_too_short_to_be_priced_or_checked_is_refused_in_words():
    short = made(GPT2Config(**SIZES, n_embd=32, n_layer=1, n_head=4, n_positions=6))
    with pytest.raises(RowError, match="a row that loading asks has 7 tokens, but gpt2 takes 6 at most"):
        check_exact(short)
    with pytest.raises(RowError, match="a forward that rows are priced by has 8 tokens, but gpt2 takes 6 at most"):
        metered_forward(short, 6, 2, 1)


def test_the_search_for_a_limit_leaves_no_trace():
    target = load_target("tiny-random")
    assert row_limit(target.module, target.anatomy) is None
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in target.module.modules())
