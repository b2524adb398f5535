"""Verification by dtype: right cells pass, another row's values do not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, LlamaConfig, MistralConfig

from istar.questions import (
    ArmMeans,
    Column,
    Entropy,
    GreedyCorrect,
    KLFrom,
    Question,
    Run,
    SpanLogprob,
    SpanProbability,
    Structure,
)
from istar.targets import Target, load_target, wrap
from istar.targets.hashing import target_id
from istar.targets.rounding import stream_rounding
from istar.targets.tiny import byte_tokenizer, randomise
from istar.truth import Table, build_table, verify_table
from istar.truth.verify import ROUNDINGS, rounding_errors

COMMON = {"vocab_size": 258, "bos_token_id": 0, "eos_token_id": 1}
MODERN = {**COMMON, "hidden_size": 48, "intermediate_size": 80, "num_attention_heads": 4}
CONFIGS = {
    "shallow": LlamaConfig(**MODERN, num_hidden_layers=2, tie_word_embeddings=True),
    "deep": LlamaConfig(**MODERN, num_hidden_layers=12),
    "windowed": MistralConfig(**MODERN, num_hidden_layers=3, num_key_value_heads=2, sliding_window=16),
    "learned positions": GPT2Config(**COMMON, n_embd=48, n_layer=3, n_head=4, n_positions=128),
    "parallel": GPTNeoXConfig(**MODERN, num_hidden_layers=4),
}
HALF = [torch.bfloat16, torch.float16]
READOUTS = {
    "span": lambda tokens: SpanLogprob(len(tokens) - 3),
    "entropy": lambda tokens: Entropy(),
    "divergence": lambda tokens: KLFrom((0, 5, 6, 7), 2),
    "greedy": lambda tokens: GreedyCorrect(len(tokens) - 1),
    "probability": lambda tokens: SpanProbability(len(tokens) - 1),
}


def small(config, dtype: torch.dtype) -> Target:
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    module = randomise(module, seed=11).to(dtype)
    return wrap(module, byte_tokenizer(), "small", target_id(module))


@pytest.fixture(scope="module", params=HALF, ids=str)
def dtype(request) -> torch.dtype:
    return request.param


@pytest.fixture(scope="module", params=[*CONFIGS, "tiny-text", "tiny-exact"])
def half(request, dtype) -> Target:
    if request.param in CONFIGS:
        return small(CONFIGS[request.param], dtype)
    return load_target(request.param, dtype=str(dtype).removeprefix("torch."))


def sequences(target: Target, count: int = 24) -> list[tuple[int, ...]]:
    """Rows that share beginnings; every other answer is the most likely token, the rest the least likely."""
    generator = np.random.default_rng(5)
    known = min(target.vocabulary, 258)
    shared = tuple(generator.integers(2, known, 30).tolist())
    found = []
    for row in range(count):
        tokens = (0, *shared[: int(generator.integers(3, 30))], *generator.integers(2, known, 5).tolist())
        ranked = target.module(torch.tensor([tokens])).logits[0, -1].float().argsort()
        found.append((*tokens, int(ranked[-1 if row % 2 else 0])))
    return found


def table_of(target: Target, readout: str, folder) -> Table:
    runs = tuple(Run(tokens, READOUTS[readout](tokens)) for tokens in sequences(target))
    arms = Column("prompt", "arm", tuple(float(row) for row in range(len(runs))))
    return build_table(target, Question("made_up/rows", 0, runs, Structure((arms,)), ArmMeans("prompt")), folder=folder)


@pytest.mark.parametrize("readout", READOUTS)
def test_right_cells_pass_and_another_rows_values_do_not(half, readout, tmp_path):
    table = table_of(half, readout, tmp_path)
    found = verify_table(half, table, 1.0)
    assert found.passed, (found.largest_error, found.wrong)
    assert np.std(table.values) > 0
    shifted = verify_table(half, replace(table, values=np.roll(table.values, 1)), 1.0)
    assert len(shifted.wrong) >= len(table.values) / 3


def test_single_precision_stays_at_a_thousandth(tmp_path):
    target = small(CONFIGS["shallow"], torch.float32)
    table = table_of(target, "span", tmp_path)
    for off, passed in ((9e-4, True), (1.1e-3, False)):
        values = table.values.copy()
        values[3] += off
        found = verify_table(target, replace(table, values=values), 1.0)
        assert found.passed == passed
    assert [cell.row for cell in found.wrong] == [3]
    assert found.wrong[0].allowed == 1e-3
    assert rounding_errors(target, table.question.runs, np.random.default_rng(0)) == [0.0] * len(table.values)


def test_a_probability_is_held_to_a_share_of_itself(tmp_path):
    target = small(CONFIGS["shallow"], torch.float32)
    table = table_of(target, "probability", tmp_path)
    row = int(np.argmin(table.values))
    assert 0 < table.values[row] < 1e-4
    assert verify_table(target, table, 1.0).passed
    values = table.values.copy()
    values[row] *= 1.01
    found = verify_table(target, replace(table, values=values), 1.0)
    assert [cell.row for cell in found.wrong] == [row]


@pytest.mark.parametrize(("unit", "passed"), [("nats", True), ("probability", False), ("verdict", False)])
def test_a_readout_of_ones_own_is_held_to_the_unit_it_states(unit, passed, tmp_path):
    """Values about 0.01 that are off by 5e-4: half of what nats may be, fifty times what a probability may be."""

    class Own(SpanLogprob):
        def value(self, tokens, log_probs):
            return 0.01 * super().value(tokens, log_probs)

    Own.unit = unit
    target = small(CONFIGS["shallow"], torch.float32)
    runs = tuple(Run(tokens, Own(len(tokens) - 1)) for tokens in sequences(target))
    arms = Structure((Column("prompt", "arm", tuple(float(row) for row in range(len(runs)))),))
    question = Question("made_up/rows", 0, runs, arms, ArmMeans("prompt"))
    table = build_table(target, question, folder=tmp_path)
    found = verify_table(target, replace(table, values=table.values + 5e-4), 1.0)
    assert found.passed == passed


def test_packed_and_plain_streams_are_no_farther_apart_than_verification_allows_for(half):
    runs = [Run(tokens, Entropy()) for tokens in sequences(half)]
    streams = half.run(runs)
    distances = []
    for row, run in enumerate(runs):
        plain = half.forward(torch.tensor([run.tokens]))[0, -1].double()
        distances.append(float((streams.at(row)[0].double() - plain).norm() / plain.norm()))
    assert max(distances) < ROUNDINGS * stream_rounding(half.dtype, half.layers)


def test_rounding_grows_with_depth_and_with_the_unit_roundoff():
    for coarse, fine in pairwise((torch.bfloat16, torch.float16, torch.float32, torch.float64)):
        assert stream_rounding(coarse, 12) > 7 * stream_rounding(fine, 12)
    assert stream_rounding(torch.bfloat16, 12) == pytest.approx(2**-8 * 5)
