"""Attributions against dense derivatives in double precision, finite differences and sums written out head by head."""

import copy

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from istar.methods import Interpretation, SharedContexts, align, load_method, smooth_value, substitutions
from istar.methods.check_questions import sample_questions
from istar.methods.library import library_methods
from istar.methods.recorder import record
from istar.questions import (
    ChoiceProbability,
    Column,
    Entropy,
    KLFrom,
    QuestionView,
    Run,
    SpanLogprob,
    SpanMargin,
    Structure,
)
from istar.targets import wrap
from istar.targets.tiny import byte_tokenizer, randomise

SHARED = ("parts switched on and off", "one part removed at a time")
TEXT = tuple(range(40, 52))


def view(runs):
    runs = tuple(runs)
    return QuestionView(runs, Structure((Column("row", "nuisance", tuple(map(float, range(len(runs))))),)))


@pytest.fixture(scope="session")
def precise(target):
    """The target's module in double precision, with attention that can be differentiated twice."""
    module = copy.deepcopy(target.module).double()
    module.set_attn_implementation("eager")
    return module


def embedded_value(module, run, embeddings):
    """Return a run's value when these embeddings stand for its first tokens, in plain Hugging Face."""
    log_probs = []
    for path in run.paths:
        inputs = module.get_input_embeddings()(torch.tensor(path.tokens))
        if not path.plain:
            inputs = torch.cat([embeddings, inputs[len(embeddings) :]])
        logits = module(inputs_embeds=inputs[None]).logits[0]
        log_probs.append(torch.log_softmax(logits[list(path.reads)], -1))
    return smooth_value(run, log_probs)


def derivatives(module, base, position, order=2):
    """Return the base's value, and gradient and perhaps Hessian with respect to the embedding at one position."""
    start = base.paths[0].reads[0] + 1
    embeddings = module.get_input_embeddings()(torch.tensor(base.tokens[:start])).detach()

    def value(vector):
        moved = torch.cat([embeddings[:position], vector[None], embeddings[position + 1 :]])
        return embedded_value(module, base, moved)

    here = embeddings[position]
    gradient = torch.autograd.functional.jacobian(value, here)
    hessian = torch.autograd.functional.hessian(value, here, vectorize=True) if order == 2 else None
    return float(value(here)), gradient, hessian


def difference(module, base, run, position):
    weight = module.get_input_embeddings().weight
    return (weight[run.tokens[position]] - weight[base.tokens[position]]).detach()


# -- attribution patching ---------------------------------------------------------------------------------------------


READOUTS = {
    "span": SpanLogprob(len(TEXT)),
    "mean of a span": SpanLogprob(len(TEXT), mean=True),
    "margin": SpanMargin(len(TEXT), (9, 8, 7)),
    "choice": ChoiceProbability(len(TEXT), ((9, 8), (7,))),
    "entropy": Entropy(),
    "divergence": KLFrom((0, *TEXT[3:]), last=2),
}


@pytest.mark.parametrize("kind", READOUTS)
def test_first_order_attribution_is_the_dense_gradient(kind, precise, run_method):
    readout = READOUTS[kind]
    places = [(position, token) for position in (1, 4, 7, 9) for token in (100, 120, 140)]
    runs = [Run((*TEXT[:p], token, *TEXT[p + 1 :], 60, 61), readout) for p, token in places]
    base = Run((*TEXT, 60, 61), readout)
    channels = run_method("attribution_patching", view([*runs, base]))
    known = {position: derivatives(precise, base, position, order=1) for position, _ in places}
    for row, (position, _) in enumerate(places):
        value, gradient, _ = known[position]
        expected = value + float(gradient @ difference(precise, base, runs[row], position))
        assert channels[row, 0] == pytest.approx(expected, abs=2e-3)
    assert np.allclose(channels[-1], value, atol=1e-3)
    assert channels[:-1, 0].std() > 1e-2


def expected_second_order(precise, base, runs, positions):
    """Expand by hand: to second order along the mean difference at a position, to first order off it."""
    expected = np.empty(len(runs))
    for position in set(positions):
        value, gradient, hessian = derivatives(precise, base, position)
        rows = [row for row, place in enumerate(positions) if place == position]
        changes = torch.stack([difference(precise, base, runs[row], position) for row in rows])
        mean = changes.mean(0)
        taylor = changes @ gradient + 0.5 * torch.einsum("rw,wv,rv->r", changes, hessian, changes)
        rest = changes - mean
        expected[rows] = value + (taylor - 0.5 * torch.einsum("rw,wv,rv->r", rest, hessian, rest)).numpy()
    return expected


def test_second_order_attribution_at_one_position_is_the_dense_hessian(precise, run_method):
    runs = [Run((*TEXT[:5], token, *TEXT[6:], 60), SpanLogprob(len(TEXT))) for token in range(100, 112)]
    question = view([*runs, Run((*TEXT, 60), SpanLogprob(len(TEXT)))])
    base = substitutions(question).bases[0]
    channels = run_method("attribution_patching", question)[:-1]
    expected = expected_second_order(precise, base, runs, [5] * len(runs))
    assert np.allclose(channels[:, 1], expected, atol=0.02 * np.abs(expected - channels[:, 0]).max())
    assert np.abs(expected - channels[:, 0]).max() > 0.1


def test_one_substitute_has_its_whole_second_order_expansion(precise, run_method):
    """Where every row puts the same token into a place, nothing is left out of the Taylor expansion."""
    readout = SpanLogprob(len(TEXT))
    tails = [(60, 61), (62, 63)]
    runs = [Run((*text, *tail), readout) for tail in tails for text in (TEXT, (*TEXT[:5], 100, *TEXT[6:]))]
    question = view(runs)
    found = substitutions(question)
    channels = run_method("attribution_patching", question)
    for row, run in enumerate(runs):
        base = found.bases[found.of(run).base]
        value, gradient, hessian = derivatives(precise, base, 5)
        change = difference(precise, base, run, 5)
        curvature = float(0.5 * change @ hessian @ change)
        expected = value + float(change @ gradient) + curvature
        assert channels[row, 1] == pytest.approx(expected, abs=0.05 * abs(curvature) + 2e-3)


def test_random_signs_average_out_what_other_positions_curve(precise, run_method):
    positions = [position for position in (2, 4, 6, 8) for _ in range(3)]
    runs = [
        Run((*TEXT[:position], 100 + row, *TEXT[position + 1 :], 60), SpanLogprob(len(TEXT)))
        for row, position in enumerate(positions)
    ]
    question = view(runs)
    base = substitutions(question).bases[0]
    assert base.tokens == (*TEXT, 60)
    expected = expected_second_order(precise, base, runs, positions)

    def error(probes):
        channels = run_method("attribution_patching", question, [("PROBES = 1", f"PROBES = {probes}")])
        return np.abs(channels[:, 1] - expected).mean()

    one, many = error(1), error(60)
    assert many < 0.35 * one
    assert one > 0.05


def test_small_substitutions_are_exact(target):
    """As a substitute's embedding approaches the token's own, each order is better than the one below."""
    small = copy.deepcopy(target)
    weight = small.module.get_input_embeddings().weight
    with torch.no_grad():
        weight[100] = weight[TEXT[5]] + 0.05 * torch.randn(small.width, generator=torch.Generator().manual_seed(0))
    readout = SpanLogprob(len(TEXT))
    base, run = (Run((*text, 60), readout) for text in (TEXT, (*TEXT[:5], 100, *TEXT[6:])))
    method = load_method(library_methods()["attribution_patching"].read_text())
    channels = record(method, view([base, run]), "q", [np.arange(2)], small, Interpretation()).batches[0].channels
    before, after = small.slow_value(base), small.slow_value(run)
    assert np.allclose(channels[0], before, atol=1e-4)
    first, second = np.abs(channels[1] - after)
    assert first < 0.2 * abs(after - before)
    assert second < 0.5 * first


def test_one_gradient_and_one_probe_serve_all_rows(target, run_method):
    """The first batch pays two forward and backward passes; after that, hundreds of rows cost less than one more."""
    runs = [Run((*TEXT[:p], token, *TEXT[p + 1 :], 60), SpanLogprob(len(TEXT))) for token in range(99) for p in (2, 5)]
    question = view(runs)
    method = load_method(library_methods()["attribution_patching"].read_text())
    batches = [np.arange(2), np.arange(2, len(runs))]
    first, rest = record(method, question, "q", batches, target, Interpretation()).batches
    assert rest.flops - first.flops < 0.05 * first.flops


# -- parts of a context -----------------------------------------------------------------------------------------------


def whole_run(question):
    """Return a run that lacks nothing, its placements and its context."""
    alignment = align(question)
    run = max(question.runs, key=lambda run: len(run.tokens))
    places = alignment.of(run)
    context = alignment.contexts[places[0].context]
    assert all(len(place.kept) == len(context) for place in places)
    return run, places, context


def functions(name, edits=()):
    source = library_methods()[name].read_text()
    for old, new in edits:
        assert old in source
        source = source.replace(old, new)
    return load_method(source).predict.__globals__


@pytest.mark.parametrize("kind", SHARED)
@pytest.mark.parametrize("name", ["gradient_activation", "direct_logit_attribution"])
def test_rows_that_lack_nothing_are_exact_and_others_lose_what_each_token_is_worth(
    name, kind, questions, target, run_method
):
    question = questions[kind]
    channels = run_method(name, question)[:, 0]
    alignment = align(question)
    run, places, context = whole_run(question)
    if name == "gradient_activation":
        _, worth = functions(name)["attribute"](run, places, context, target)
    else:
        ((_, worth),) = functions(name)["contributions"]([run], 0, SharedContexts(target, alignment))
    exact = target.slow_value(run)
    alike = 0
    for row, other in enumerate(question.runs):
        there = alignment.of(other)
        if [place.query for place in there] == [place.query for place in places]:
            removed = sorted(set(range(len(context))) - set(there[0].kept))
            assert channels[row] == pytest.approx(exact - float(worth[removed].sum()), abs=2e-3)
            alike += 1
    assert alike >= 6
    assert float(worth.abs().max()) > 0.02


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("kind", SHARED)
def test_a_tokens_worth_is_the_slope_of_the_value_as_its_stream_is_scaled(kind, layer, questions, precise, target):
    run, places, context = whole_run(questions[kind])
    edits = [("LAYER = 0.3", f"LAYER = {layer / target.layers}")]
    value, worth = functions("gradient_activation", edits)["attribute"](run, places, context, target)
    assert float(value) == pytest.approx(target.slow_value(run), abs=1e-3)

    def scaled(position, factor):
        def scale(module, arguments):
            stream = arguments[0].clone()
            stream[:, position] *= factor
            return (stream, *arguments[1:])

        log_probs = []
        with torch.no_grad(), precise.model.layers[layer].register_forward_pre_hook(scale):
            for place in places:
                logits = precise(torch.tensor([[*context, *place.query]])).logits[0]
                log_probs.append(torch.log_softmax(logits[[len(context) + read for read in place.reads]], -1))
        return run.readout.value(run.tokens, log_probs)

    for position in worth.abs().topk(4).indices.tolist():
        slope = (scaled(position, 1.005) - scaled(position, 0.995)) / 0.01
        assert float(worth[position]) == pytest.approx(slope, abs=2e-3, rel=0.03)


@pytest.mark.parametrize("kind", SHARED)
def test_gradient_times_activation_is_an_integrated_gradient_from_zero_at_the_end_of_its_line(
    kind, questions, target, run_method
):
    question = questions[kind]
    source = library_methods()["integrated_gradients"].read_text()
    for old, new in (("STEPS = 2", "STEPS = 1"), ("(step + 0.5) / STEPS * (actual", "(actual")):
        assert old in source
        source = source.replace(old, new)
    baseline = Interpretation({"mean": torch.zeros(target.width)})
    rows = [np.arange(len(question.runs))]
    expected = record(load_method(source), question, "q", rows, target, baseline).batches[0].channels
    assert np.allclose(run_method("gradient_activation", question), expected, atol=1e-3)


@pytest.mark.parametrize("kind", SHARED)
def test_direct_contributions_add_up_head_by_head(kind, questions, precise, target):
    """Attention times value minus the head's output, through its output matrix, along the readout's gradient."""
    question = questions[kind]
    alignment = align(question)
    run, places, context = whole_run(question)
    shared = SharedContexts(target, alignment)
    ((value, worth),) = functions("direct_logit_attribution")["contributions"]([run], 0, shared)
    assert float(value) == pytest.approx(target.slow_value(run), abs=1e-3)
    heads, groups = precise.config.num_attention_heads, precise.config.num_key_value_heads
    size = target.width // heads
    lasts, sides = [], []
    for place in places:
        values, last = [], []
        hooks = [
            layer.self_attn.v_proj.register_forward_hook(lambda m, a, out, values=values: values.append(out[0]))
            for layer in precise.model.layers
        ]
        hooks.append(precise.model.norm.register_forward_pre_hook(lambda m, a, last=last: last.append(a[0][0])))
        with torch.no_grad():
            patterns = precise(torch.tensor([[*context, *place.query]]), output_attentions=True).attentions
        for hook in hooks:
            hook.remove()
        reads = [len(context) + read for read in place.reads]
        lasts.append(last[0][reads].requires_grad_())
        sides.append((reads, values, patterns))
    logits = [precise.lm_head(precise.model.norm(last)) for last in lasts]
    slopes = torch.autograd.grad(smooth_value(run, [torch.log_softmax(each, -1) for each in logits]), lasts)
    expected = torch.zeros(len(context), dtype=torch.float64)
    for slope, (reads, values, patterns) in zip(slopes, sides, strict=True):
        for layer, block in enumerate(precise.model.layers):
            weight = block.self_attn.o_proj.weight.detach()
            for head in range(heads):
                group = head * groups // heads
                value = values[layer][:, group * size : (group + 1) * size]
                along = slope @ weight[:, head * size : (head + 1) * size]
                for read, direction in zip(reads, along, strict=True):
                    attention = patterns[layer][0, head, read]
                    output = attention @ value
                    expected += (attention * ((value - output) @ direction))[: len(context)]
    expected[0] = 0.0
    assert np.allclose(worth, expected, atol=2e-3)
    assert expected.abs().max() > 0.05


def test_direct_paths_are_all_paths_through_one_block_of_attention():
    """In a model of one block without feed-forward output, contributions are slopes of the value as gates close."""
    shape = {"hidden_size": 32, "intermediate_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1}
    config = LlamaConfig(vocab_size=258, num_hidden_layers=1, bos_token_id=0, eos_token_id=1, **shape)
    with torch.random.fork_rng(devices=[]):
        module = randomise(AutoModelForCausalLM.from_config(config, attn_implementation="sdpa"), seed=3)
    with torch.no_grad():
        module.model.layers[0].mlp.down_proj.weight.zero_()
    small = wrap(module.double(), byte_tokenizer(), "one block", "one block")
    question = sample_questions(small)["parts switched on and off"]
    alignment = align(question)
    shared = SharedContexts(small, alignment)
    run, places, context = whole_run(question)
    ((_, worth),) = functions("direct_logit_attribution")["contributions"]([run], 0, shared)

    def value(position, gate):
        gates = torch.ones(1, len(context), dtype=torch.float64)
        gates[0, position] = gate
        with torch.no_grad():
            stream = shared.attend(0, gates, [[place.query for place in places]])[0][0]
            log_probs = torch.log_softmax(small.anatomy.unembedding(stream[list(places[0].reads)]), -1)
        return float(smooth_value(run, [log_probs]))

    for position in worth.abs().topk(4).indices.tolist():
        slope = (value(position, 1.02) - value(position, 0.98)) / 0.04
        assert float(worth[position]) == pytest.approx(slope, abs=1e-4, rel=0.01)
