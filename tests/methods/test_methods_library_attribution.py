"""Attributions against dense derivatives in double precision, finite differences and sums written out head by head."""

import copy

import numpy as np
import pytest
import torch

from istar.methods import align, load_method, smooth_value, substitutions
from istar.methods.check_questions import sample_questions
from istar.methods.contract import Interpretation
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

SUBSTITUTED = "one token substituted"
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
