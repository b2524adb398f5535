"""Stitched runs: what is exact, what is counted, and which rows are found to hold the same text."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, LlamaConfig

from istar.flops import Meter
from istar.methods import StitchedRuns
from istar.methods.check_questions import sample_questions
from istar.questions import Column, QuestionView, Run, SpanLogprob, Structure
from istar.targets import load_target, wrap
from istar.targets.tiny import byte_tokenizer, randomise

KINDS = tuple(sample_questions(load_target("tiny-random")))
ALL = 10_000
SHAPE = {
    "vocab_size": 258,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 512,
}
SHALLOW = {
    "llama": LlamaConfig(**SHAPE, num_key_value_heads=1),
    "gpt_neox": GPTNeoXConfig(**SHAPE),
    "gpt2": GPT2Config(vocab_size=258, bos_token_id=0, eos_token_id=1, n_embd=32, n_layer=1, n_head=2, n_positions=512),
}


@pytest.fixture(params=sorted(SHALLOW))
def shallow(request):
    """A target of one block: its keys and values depend on tokens and positions alone."""
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(SHALLOW[request.param], attn_implementation="sdpa")
    return wrap(randomise(module, seed=3), byte_tokenizer(), request.param, request.param)


@pytest.mark.parametrize("kind", KINDS)
def test_with_all_tokens_behind_edits_computed_values_are_exact(kind, questions, target):
    question = questions[kind]
    values = StitchedRuns(target, question, tail=0, seam=ALL).values(question.runs)
    assert np.allclose(values, target.values(question.runs), atol=1e-4)


def test_in_one_block_what_is_taken_over_is_exact_wherever_it_stands(shallow):
    """But for GPT-2 with its learned positions, whose keys cannot be moved."""
    moves = {"parts switched on and off": True, "one part removed at a time": True, "one token substituted": False}
    for kind, moved in moves.items():
        if moved and shallow.name == "gpt2":
            continue
        question = sample_questions(shallow)[kind]
        stitched = StitchedRuns(shallow, question, tail=0, seam=0)
        taken = [stretch for stitch in stitched.stitches.values() for stretch in stitch.taken]
        assert any(stretch.place != stretch.start for stretch in taken) == moved
        assert np.allclose(stitched.values(question.runs), shallow.values(question.runs), atol=1e-4)


def test_keys_that_were_moved_are_those_computed_there(target):
    """Rotary positions are relative: a sequence computed further on has the same keys, turned."""
    question = sequences(target, ["And the king said unto them"])
    stitched = StitchedRuns(target, question, missing=0)
    stitched.values(question.runs)
    ((_, cache),) = stitched._caches.items()
    tokens = torch.tensor([question.runs[0].paths[0].tokens])
    places = torch.arange(17, 17 + tokens.shape[1])[None]
    with torch.no_grad():
        there = target.module(tokens, position_ids=places, use_cache=True).past_key_values
        turned = stitched._turned(cache, 17)
    for number, layer in enumerate(there.layers):
        assert torch.allclose(turned[number, 0], layer.keys[0], atol=1e-4)
        assert torch.allclose(turned[number, 1], layer.values[0], atol=1e-4)
    assert not torch.allclose(turned, cache, atol=0.1)


def sequences(target, texts):
    """Rows that score the last two tokens of texts."""
    runs = tuple(
        Run(tokens, SpanLogprob(len(tokens) - 2)) for tokens in ((target.bos, *target.encode(t)) for t in texts)
    )
    column = Column("sequence", "nuisance", tuple(float(row) for row in range(len(runs))))
    return QuestionView(runs, Structure((column,)))


FIRST = "A clock struck in the hall, and nobody heard it but the cat."
SECOND = "Snow fell on the hill, and the boats came in one by one again."


def test_stretches_are_found_wherever_they_stand(target):
    question = sequences(target, [FIRST + SECOND + "!!", SECOND + FIRST + "!!", FIRST + "#" + SECOND + "!!"])
    stitched = StitchedRuns(target, question, tail=0, seam=0)
    assert [donor.tokens for donor in stitched.donors[""]] == [question.runs[2].paths[0].tokens]
    for (_, path), stitch in stitched.stitches.items():
        donor = stitched.donors[""][0].tokens
        for stretch in stitch.taken:
            held = path.tokens[stretch.place : stretch.place + stretch.length]
            assert held == donor[stretch.start : stretch.start + stretch.length]
        assert sorted([*stitch.places, *stitch.fresh]) == list(range(len(path.tokens)))
        assert len(stitch.fresh) <= 4


def test_donors_share_exact_beginnings(target):
    question = sequences(target, [FIRST + SECOND + "!!", FIRST + "0123456789012345678901234567890!!"])
    donors = StitchedRuns(target, question).donors[""]
    assert [(donor.parent, donor.shared) for donor in donors] == [(None, 0), (0, 1 + len(FIRST))]


def test_only_what_is_fresh_is_computed(target, questions):
    question = questions["one token substituted"]
    stitched, whole, part = StitchedRuns(target, question, tail=0, seam=0), Meter(), Meter()
    with whole:
        target.values(question.runs)
    with part:
        stitched.values(question.runs)
    assert stitched.share < 0.25
    assert part.matmul_flops < (stitched.share + 0.15) * whole.matmul_flops  # and the unembedding, which both pay


def test_values_do_not_depend_on_what_runs_together(target, questions):
    question = questions["parts switched on and off"]
    stitched = StitchedRuns(target, question)
    together = stitched.values(question.runs)
    alone = torch.cat([stitched.values([run]) for run in question.runs])
    assert torch.allclose(together, alone, atol=1e-4)


def test_the_method_is_silent_where_little_is_shared(questions, run_method):
    assert run_method("stitched_cache", questions["plain sequences"]).shape[1] == 0
    assert run_method("stitched_cache", questions["one token substituted"]).shape[1] == 1
