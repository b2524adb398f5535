"""What changes of one part do: against finite differences through Hugging Face, exact values, and counted FLOPs."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from istar.flops.meter import Meter
from istar.methods import PartResponses, block_at, head_at, heads_of, smooth_value, under
from istar.questions import (
    Ablate,
    AblateHead,
    ChoiceProbability,
    Column,
    Edit,
    KLFrom,
    Prune,
    Quantise,
    QuestionView,
    Run,
    SpanLogprob,
    SpanMargin,
    Structure,
)
from istar.targets import wrap
from istar.targets.tiny import byte_tokenizer, randomise

KIND = "one part changed at a time"
TEXTS = tuple(tuple(range(start, start + 12)) for start in (40, 60, 80))
BRANCHES = (TEXTS[0], TEXTS[0][:8] + TEXTS[1][:4])
CHANGES = (
    AblateHead(0.0, 0.5),
    AblateHead(0.5, 0.0),
    Ablate(0.25, "attention"),
    Ablate(0.75, "mlp"),
    Quantise(0.5, "attention", 2),
    Quantise(0.0, "mlp", 3),
)


def view(runs):
    runs = tuple(runs)
    return QuestionView(runs, Structure((Column("row", "nuisance", tuple(map(float, range(len(runs))))),)))


def moved_by(target, run, share):
    """Return the value of a run whose changed part puts out `share` of what the change would do to it.

    Written with hooks on a copy of Hugging Face's module in double precision.
    """
    change = run.intervention
    block = block_at(target, change.depth)
    part = getattr(change, "part", "attention")
    precise = copy.deepcopy(target.module).double()
    names = {id(module): name for name, module in target.module.named_modules()}
    inside = (target.anatomy.attentions if part == "attention" else target.anatomy.mlps)[block]
    with under(target, run):
        changed = copy.deepcopy(inside).double()
        for hook in inside._forward_pre_hooks.values():
            changed.register_forward_pre_hook(hook)
    if isinstance(change, AblateHead):  # a hook on the output projection, which a copy does not take along
        width = changed.o_proj.in_features // heads_of(target)
        kept = torch.ones(changed.o_proj.in_features, dtype=torch.float64)
        kept[head_at(target, change.head) * width :][:width] = 0
        changed.o_proj.register_forward_pre_hook(lambda _, arguments: (arguments[0] * kept,))

    def between(module, arguments, keywords, output):
        if isinstance(change, Ablate):
            other = torch.zeros_like(output[0] if isinstance(output, tuple) else output)
        else:
            other = changed(*arguments, **keywords)
            other = other[0] if isinstance(other, tuple) else other
        plain = output[0] if isinstance(output, tuple) else output
        mixed = plain + share * (other - plain)
        return (mixed, *output[1:]) if isinstance(output, tuple) else mixed

    precise.get_submodule(names[id(inside)]).register_forward_hook(between, with_kwargs=True)
    log_probs = []
    with torch.no_grad():
        for path in run.paths:
            model = target.module if path.plain else precise
            logits = model(torch.tensor([path.tokens]), use_cache=False).logits[0].double()
            log_probs.append(torch.log_softmax(logits[list(path.reads)], -1))
    return float(smooth_value(run, log_probs))


def slope(target, run, step=1e-3):
    return (moved_by(target, run, step) - moved_by(target, run, -step)) / (2 * step)


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_the_first_order_is_the_slope_of_the_value_along_the_change(target, change):
    run = Run(TEXTS[0], SpanMargin(9, (7, 8, 9)), change)
    after, before, size = PartResponses.of(target, [run]).channels([run])[0].tolist()
    assert before == pytest.approx(target.slow_value(replace(run, intervention=None)), abs=1e-4)
    expected = slope(target, run)
    assert abs(expected) > 1e-3
    assert after - before == pytest.approx(expected, rel=3e-3, abs=1e-4)
    assert abs(after - before) <= size


def test_of_texts_that_share_tokens_the_sum_moves_as_it_should(target):
    change = Quantise(0.25, "mlp", 2)
    runs = [Run(text, SpanLogprob(10), change) for text in (*BRANCHES, TEXTS[2])]
    channels = PartResponses.of(target, runs).channels(runs).double()
    assert float((channels[:, 0] - channels[:, 1]).sum()) == pytest.approx(
        sum(slope(target, run) for run in runs), rel=3e-3
    )
    for run, before in zip(runs, channels[:, 1].tolist(), strict=True):
        assert before == pytest.approx(target.slow_value(replace(run, intervention=None)), abs=1e-4)


def test_an_edit_is_followed_as_it_is_applied(target):
    subjects = (TEXTS[1][:5], TEXTS[2][:4])
    small, none = (Run(TEXTS[0], SpanLogprob(9), Edit(subjects, 11, 12, 0.5, size)) for size in (0.01, 0.0))
    after, before, _ = PartResponses.of(target, [small]).channels([small])[0].tolist()
    expected = target.slow_value(small) - target.slow_value(none)
    assert abs(expected) > 1e-4
    assert after - before == pytest.approx(expected, rel=0.05)


def test_probabilities_move_in_their_log_odds(target):
    readout = ChoiceProbability(9, ((5, 6, 7),))
    run = Run(TEXTS[0], readout, Ablate(0.5, "mlp"))
    after, before, _ = PartResponses.of(target, [run]).channels([run])[0].double().tolist()
    expected = slope(target, run) / (before * (1 - before))
    assert np.log(after / (1 - after)) - np.log(before / (1 - before)) == pytest.approx(expected, rel=3e-3)


def test_no_change_reaches_what_a_value_is_compared_with(target):
    """The reference begins as the text does, and another text shares its tokens."""
    changes = (Ablate(0.5, "mlp"), Quantise(0.25, "attention", 2))
    runs = [Run(TEXTS[0], KLFrom(BRANCHES[1], last=2), change) for change in changes]
    other = Run(BRANCHES[1], SpanLogprob(10))
    channels = PartResponses.of(target, [*runs, other]).channels(runs).double()
    for run, before in zip(runs, channels[:, 1].tolist(), strict=True):
        assert before == pytest.approx(target.slow_value(replace(run, intervention=None)), abs=1e-4)
    alone = [PartResponses.of(target, [run]).channels([run])[0].double().tolist() for run in runs]
    for run, (after, before, _) in zip(runs, alone, strict=True):
        assert after - before == pytest.approx(slope(target, run), rel=3e-3, abs=1e-4)


def test_rows_that_are_changed_elsewhere_have_no_channels(target, run_method):
    changed = [Run(text, SpanLogprob(9), Ablate(0.5, "mlp")) for text in TEXTS]
    everywhere = Run(TEXTS[0], SpanLogprob(9), Prune(0.2))
    plain = [replace(run, intervention=None) for run in changed]
    edited = Run(TEXTS[0], SpanLogprob(9), Edit((TEXTS[1],), 11, 12, 0.5, 1.0))
    for name, silent in (
        ("component_patching", ([*changed, everywhere], plain)),
        ("component_effects", ([*changed, everywhere], plain, [*changed, edited])),
    ):
        assert run_method(name, view(changed)).shape[1] > 0
        for runs in silent:
            assert run_method(name, view(runs)).shape[1] == 0, name


def test_many_changes_cost_little_more_than_two_passes(target):
    """A forward and a backward pass over the texts, and of each change its own part, an eighth of the blocks."""
    changes = [AblateHead(depth / 4, head / 4) for depth in range(4) for head in range(4)] * 4
    runs = [Run(text, SpanLogprob(9), change) for change in changes for text in TEXTS]
    responses = PartResponses.of(target, runs)
    with Meter() as one_pass:
        target.values([Run(text, SpanLogprob(9)) for text in TEXTS])
    with Meter() as meter:
        responses.channels(runs)
    assert meter.flops < one_pass.flops * (3 + len(set(changes)) / 8 * 1.3)


def test_the_first_row_pays_for_all_texts(target):
    """So that an executor does not take the price of a second pack for that of its few rows."""
    texts = [tuple(range(start, start + 40)) for start in range(40, 200, 10)]
    runs = [Run(text, SpanLogprob(39), change) for change in (None, *CHANGES) for text in texts]
    responses = PartResponses.of(target, runs)
    assert len(set(responses.packed.values())) > 1
    with Meter() as first:
        responses.channels(runs[:1])
    with Meter() as others:
        responses.channels(runs)
    assert others.flops < 0.5 * first.flops


def test_component_effects_are_those_of_changes_made_by_hand(target, corpus, run_method, questions):
    found = run_method("component_effects", questions[KIND])
    whole = [tokens[:40] for tokens in corpus.tokens[-3:]]
    halves = [tokens[:20] for tokens in corpus.tokens[:3]]
    for run, channels in zip(questions[KIND].runs, found, strict=True):
        expected = []
        for texts, start in ((whole, 1), ([(*half, *half[1:]) for half in halves], 20)):
            losses = []
            for tokens in texts:
                with under(target, run), torch.no_grad():
                    logits = target.module(torch.tensor([tokens])).logits[0]
                log_probs = torch.log_softmax(logits.double(), -1)
                told = log_probs[range(start - 1, len(tokens) - 1), list(tokens[start:])]
                with torch.no_grad():
                    plain = torch.log_softmax(target.module(torch.tensor([tokens])).logits[0].double(), -1)
                before = plain[range(start - 1, len(tokens) - 1), list(tokens[start:])]
                losses.append(float(before.mean() - told.mean()))
            expected.append(np.mean(losses))
        np.testing.assert_allclose(channels, expected, atol=2e-4)
    assert np.abs(found).max() > 1e-2


def test_bits_that_were_not_tried_are_taken_for_harmless(target, run_method):
    runs = [
        Run(TEXTS[0], SpanLogprob(9), change) for change in (Quantise(0.5, "mlp", 2), Quantise(0.5, "mlp", 8), None)
    ]
    two, eight, plain = run_method("component_effects", view(runs))
    assert np.abs(two).max() > 0
    assert not eight.any()
    assert not plain.any()


@pytest.mark.parametrize("family", ["gpt2", "gpt_neox"])
def test_other_architectures_are_followed_too(family):
    from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig

    sizes = {"vocab_size": 300, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
    ends = {"bos_token_id": 256, "eos_token_id": 257, "max_position_embeddings": 64}
    config = {"gpt2": GPT2Config, "gpt_neox": GPTNeoXConfig}[family](**sizes, **ends)
    module = randomise(AutoModelForCausalLM.from_config(config), seed=5)
    target = wrap(module, byte_tokenizer(), family, family)
    for change in (AblateHead(0.4, 0.5), Quantise(0.4, "mlp", 2)):
        run = Run(TEXTS[0], SpanLogprob(9), change)
        after, before, _ = PartResponses.of(target, [run]).channels([run])[0].double().tolist()
        assert before == pytest.approx(target.slow_value(replace(run, intervention=None)), abs=1e-3)
        assert after != pytest.approx(before, abs=1e-6)
    edit = [Run(TEXTS[0], SpanLogprob(9), Edit((TEXTS[1][:5],), 11, 12, 0.4, size)) for size in (0.01, 0.0)]
    after, before, _ = PartResponses.of(target, edit[:1]).channels(edit[:1])[0].double().tolist()
    expected = target.slow_value(edit[0]) - target.slow_value(edit[1])
    assert after - before == pytest.approx(expected, rel=0.1, abs=1e-6)
