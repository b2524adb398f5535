"""The library where attention reaches back fewer tokens than a context has.

References are forwards of the plain module over whole sequences, each with masks that are written down here.
"""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

from istar.methods import (
    SharedContexts,
    StitchedRuns,
    align,
    gradient_factors,
    linear_maps,
    load_method,
    smooth_value,
)
from istar.methods.check import check_method
from istar.methods.check_questions import sample_questions
from istar.methods.library import library_methods
from istar.methods.tools.windows import windows
from istar.questions import FineTune, Run, SpanLogprob
from istar.targets import wrap
from istar.targets.tiny import byte_tokenizer, randomise

WINDOW = 12
SHAPE = {
    "vocab_size": 258,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 512,
}
ABOVE = {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1}
ALTERNATING = ["sliding_attention", "full_attention", "sliding_attention"]
CONFIGURATIONS = {
    "every block": (MistralConfig(**SHAPE, num_hidden_layers=3, sliding_window=WINDOW), (WINDOW, WINDOW, WINDOW)),
    "blocks above": (Qwen2Config(**SHAPE, num_hidden_layers=3, **ABOVE), (None, WINDOW, WINDOW)),
    "every other block": (
        Qwen3Config(**SHAPE, head_dim=16, num_hidden_layers=3, **ABOVE, layer_types=ALTERNATING),
        (WINDOW, None, WINDOW),
    ),
}
SHARED = ("parts switched on and off", "one part removed at a time")


def small(config, attention="sdpa"):
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    return wrap(randomise(module, seed=3), byte_tokenizer(), config.model_type, config.model_type)


@pytest.fixture(scope="module", params=sorted(CONFIGURATIONS))
def windowed(request):
    return small(CONFIGURATIONS[request.param][0])


def shortest(target):
    return min(window for window in windows(target) if window is not None)


def whole_forward(target, tokens, query, gates):
    """Return log-probabilities after the query's tokens; its attention to the context before it is gated.

    Args:
        target: the model.
        tokens: context and query.
        query: how many of them are the query's.
        gates: a number for each token of the context.
    """
    length = len(tokens)
    place = torch.arange(length)
    back = place[:, None] - place
    gated = torch.zeros(length, length)
    gated = torch.cat([gated[:-query], torch.cat([gates.log().expand(query, -1), gated[-query:, -query:]], dim=1)])
    causal = gated.masked_fill(back < 0, -torch.inf)
    near = causal.masked_fill(back >= shortest(target), -torch.inf)
    masks = {"full_attention": causal[None, None], "sliding_attention": near[None, None]}
    takes_one = target.module.config.model_type == "mistral"
    mask = masks["sliding_attention"] if takes_one else masks
    logits = target.module(torch.tensor([tokens]), attention_mask=mask, use_cache=False).logits[0]
    return torch.log_softmax(logits[-query:].double(), dim=-1)


def value_under(target, run, alignment, gates):
    log_probs = []
    for place in alignment.of(run):
        tokens = [*alignment.contexts[place.context], *place.query]
        log_probs.append(whole_forward(target, tokens, len(place.query), gates)[list(place.reads)])
    return smooth_value(run, log_probs)


@pytest.mark.parametrize("name", sorted(CONFIGURATIONS))
def test_windows_are_those_of_the_configuration(name):
    config, expected = CONFIGURATIONS[name]
    assert windows(small(config)) == expected


def test_a_target_without_windows_has_none():
    assert windows(small(LlamaConfig(**SHAPE, num_hidden_layers=2))) == (None, None)


@pytest.mark.parametrize("name", sorted(library_methods()))
def test_every_method_runs(name):
    """On all kinds of rows, with as many channels as it has where attention reaches everywhere."""
    found = [
        check_method(library_methods()[name], small(MistralConfig(**SHAPE, num_hidden_layers=3, sliding_window=window)))
        for window in (WINDOW, None)
    ]
    assert [report.errors for report in found] == [(), ()]
    assert [each.channels for each in found[0].questions] == [each.channels for each in found[1].questions]


@pytest.mark.parametrize("kind", SHARED)
def test_knockout_is_the_plain_model_with_what_is_removed_masked(kind, windowed):
    question = sample_questions(windowed)[kind]
    alignment = align(question)
    shared = SharedContexts(windowed, alignment)
    found = shared.read(question.runs, shared.run(question.runs))
    cut = False
    for row in range(0, len(question.runs), 3):
        run = question.runs[row]
        log_probs = []
        for place in alignment.of(run):
            context = alignment.contexts[place.context]
            gates = torch.zeros(len(context))
            gates[list(place.kept)] = 1.0
            tokens = [*context, *place.query]
            with torch.no_grad():
                log_probs.append(whole_forward(windowed, tokens, len(place.query), gates)[list(place.reads)].float())
            cut = cut or len(context) > WINDOW
        assert float(found[row]) == pytest.approx(run.readout.value(run.tokens, log_probs), abs=1e-4)
    assert cut, "no context is longer than the window"


@pytest.mark.parametrize("kind", SHARED)
def test_gradients_with_respect_to_gates_are_the_plain_models(kind, windowed):
    question = sample_questions(windowed)[kind]
    alignment = align(question)
    shared = SharedContexts(windowed, alignment)
    run = question.runs[-1]
    places = alignment.of(run)
    length = len(alignment.contexts[places[0].context])
    level = torch.linspace(0.3, 0.9, length)
    ours, plain = level[None].clone().requires_grad_(), level.clone().requires_grad_()
    (streams,) = shared.attend(places[0].context, ours, [[place.query for place in places]])
    reads = [stream[list(place.reads)] for place, stream in zip(places, streams, strict=True)]
    value = smooth_value(run, [shared.log_probs(read) for read in reads])
    expected = value_under(windowed, run, alignment, plain)
    assert value.item() == pytest.approx(expected.item(), abs=1e-4)
    (found,) = torch.autograd.grad(value, ours)
    (wanted,) = torch.autograd.grad(expected, plain)
    assert torch.allclose(found[0], wanted, atol=1e-4)
    assert wanted.abs().max() > 1e-2
    if None not in windows(windowed):
        assert not wanted[: length - WINDOW].any()


@pytest.mark.parametrize("kind", SHARED)
def test_direct_contributions_are_slopes_of_the_plain_model(kind, windowed):
    """With the inputs of all attention and feed-forward modules held."""
    question = sample_questions(windowed)[kind]
    alignment = align(question)
    functions = load_method(library_methods()["direct_logit_attribution"].read_text()).predict.__globals__
    run = question.runs[-1]
    context = alignment.of(run)[0].context
    ((value, worth),) = functions["contributions"]([run], context, SharedContexts(windowed, alignment))
    gates = torch.ones(len(alignment.contexts[context])).requires_grad_()
    held = [
        part.register_forward_pre_hook(functions["hold"], with_kwargs=True)
        for part in (*windowed.anatomy.attentions, *windowed.anatomy.mlps)
    ]
    expected = value_under(windowed, run, alignment, gates)
    for handle in held:
        handle.remove()
    (slopes,) = torch.autograd.grad(expected, gates)
    assert value.item() == pytest.approx(expected.item(), abs=1e-4)
    assert torch.allclose(worth[1:], slopes[1:], atol=1e-4)
    if None in windows(windowed):  # else what is read may lie too far from the context to see it directly
        assert slopes[1:].abs().max() > 1e-2


@pytest.mark.parametrize("kind", sorted(sample_questions(small(CONFIGURATIONS["every block"][0]))))
def test_stitched_runs_are_exact_with_all_tokens_behind_edits_computed(kind, windowed):
    question = sample_questions(windowed)[kind]
    values = StitchedRuns(windowed, question, tail=0, seam=10_000).values(question.runs)
    exact = [windowed.slow_value(run) for run in question.runs]
    assert np.allclose(values, exact, atol=1e-4)


def test_in_one_block_what_is_stitched_together_is_exact_wherever_it_stands():
    shallow = small(MistralConfig(**SHAPE, num_hidden_layers=1, sliding_window=WINDOW))
    for kind in (*SHARED, "one token substituted"):
        question = sample_questions(shallow)[kind]
        stitched = StitchedRuns(shallow, question, tail=0, seam=0)
        assert any(stitch.held > WINDOW for stitch in stitched.stitches.values())
        exact = [shallow.slow_value(run) for run in question.runs]
        assert np.allclose(stitched.values(question.runs), exact, atol=1e-4)


@pytest.mark.parametrize("depth", [0.0, 0.5])
def test_gradients_of_weights_are_autograds(depth, windowed):
    lesson = (0, *range(40, 70))
    run = Run((0, *range(80, 110), 50), SpanLogprob(28))
    maps = linear_maps(windowed, depth)
    for wanted, factors in gradient_factors(windowed, [run, FineTune((lesson,), (1,), 0.01, depth=depth)], depth):
        tokens = torch.tensor([run.tokens if wanted is run else lesson])
        first = 28 if wanted is run else 1
        weights = [module.weight.requires_grad_() for module in maps.values()]
        log_probs = torch.log_softmax(windowed.module(tokens).logits[0, first - 1 : -1], -1)
        scored = log_probs.gather(1, tokens[0, first:, None])
        value = scored.sum() if wanted is run else -scored.mean()
        gradients = torch.autograd.grad(value, weights)
        windowed.module.requires_grad_(False)
        assert factors.value == pytest.approx(value.item(), abs=1e-4)
        for name, gradient in zip(maps, gradients, strict=True):
            assert torch.allclose(factors.outputs[name].T @ factors.inputs[name], gradient, atol=1e-4, rtol=1e-3)


def test_eager_attention_sees_the_same_windows():
    config = CONFIGURATIONS["every other block"][0]
    found = []
    for attention in ("sdpa", "eager"):
        target = small(config, attention)
        question = sample_questions(target)[SHARED[0]]
        shared = SharedContexts(target, align(question))
        found.append(shared.read(question.runs, shared.run(question.runs)))
    assert torch.allclose(*found, atol=1e-4)
