"""Weights that are learned from changes: against scikit-learn, planted weights and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold

from istar.flops.meter import Meter
from istar.methods import SharedContexts, align, load_method, smooth_value
from istar.methods.library import library_methods
from istar.methods.recorder import run_interpret
from istar.methods.tools.learned_weights import FOLDS, PENALTIES, learned_weights
from istar.methods.tools.windows import masked_each
from istar.targets.corpus import Corpus

KIND = "one part removed at a time"


def planted(texts=12, changes=10, parts=6, noise=0.0, common=0.8, spread=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    said = torch.randn(texts, changes, parts, generator=generator)
    weights = common + spread * torch.randn(parts, generator=generator)
    happened = said @ weights + noise * torch.randn(texts, changes, generator=generator)
    return said, happened, weights


def test_planted_weights_are_found():
    said, happened, weights = planted(spread=1.0)
    assert torch.allclose(learned_weights(said, happened), weights, atol=0.05)


def test_it_is_scikit_learns_ridge_about_a_common_weight_with_the_best_penalty():
    said, happened, _ = planted(texts=8, changes=4, parts=20, noise=1.0, spread=0.3)
    x, y = said.flatten(0, 1).double().numpy(), happened.flatten().double().numpy()
    fold = np.repeat(np.arange(8) % FOLDS, 4)

    def fitted(rows, penalty):
        common = np.linalg.lstsq(x[rows].sum(1)[:, None], y[rows], rcond=None)[0][0]
        alpha = penalty * (x[rows] ** 2).mean() * rows.sum()
        ridge = Ridge(alpha=alpha, fit_intercept=False).fit(x[rows], y[rows] - common * x[rows].sum(1))
        return common + ridge.coef_

    errors = []
    for penalty in PENALTIES:
        splits = GroupKFold(FOLDS).split(x, y, fold)
        missed = [x[out] @ fitted(np.isin(np.arange(len(y)), rest), penalty) - y[out] for rest, out in splits]
        errors.append(sum((each**2).sum() for each in missed))
    expected = fitted(np.ones(len(y), dtype=bool), PENALTIES[int(np.argmin(errors))])
    np.testing.assert_allclose(learned_weights(said, happened).numpy(), expected, atol=1e-4)


def test_parts_that_say_nothing_leave_finite_weights():
    said, happened, _ = planted(noise=1.0)
    assert torch.isfinite(learned_weights(torch.zeros_like(said), happened)).all()


@pytest.fixture
def learned(target):
    """The method's module, its functions run as they stand."""
    return load_method(library_methods()["learned_attribution"], "learned_attribution")


def expanded(method, question, target):
    """Return the shared contexts of a question, its first run, where its paths sit, and value and gradient."""
    shared = SharedContexts(target, align(question))
    run = question.runs[0]
    places = shared.alignment.of(run)
    return shared, run, places, method.predict.__globals__["expand"]([run], places[0].context, shared, 0.7)


def test_a_gradient_is_what_closing_a_gate_in_one_head_does(learned, questions, target):
    """By finite differences of Hugging Face's module on the whole text, with a mask in one head of one block."""
    shared, run, places, (value, gradient) = expanded(learned, questions[KIND], target)
    context = shared.contexts[places[0].context]
    begins = len(context)
    assert len(places) == 2
    assert all(place.kept == tuple(range(begins)) for place in places)

    def valued(step, block, head, token):
        gates = torch.full((target.layers, 4, begins), 0.7)
        gates[..., 0] = 1.0
        gates[block, head, token] += step
        log_probs = []
        for place in places:
            tokens = torch.tensor([(*context, *place.query)])
            size = tokens.shape[1]
            causal = torch.full((size, size), float("-inf")).triu(1)
            masks = causal.expand(target.layers, 4, size, size).clone()
            masks[:, :, begins:, :begins] += gates.log()[:, :, None]
            positions = torch.arange(size)[None]
            with torch.no_grad(), masked_each(target, masks, positions, positions):
                stream = target.anatomy.base(input_ids=tokens, attention_mask=causal[None, None]).last_hidden_state[0]
            log_probs.append(shared.log_probs(stream[[begins + read for read in place.reads]]).double())
        return float(smooth_value(run, log_probs))

    assert valued(0.0, 0, 0, 1) == pytest.approx(float(value[0]), abs=1e-4)
    steepest = gradient[0].abs().flatten().argsort(descending=True)[:6].tolist()
    for flat in steepest:
        block, head, token = np.unravel_index(flat, gradient[0].shape)
        slope = (valued(0.02, block, head, token) - valued(-0.02, block, head, token)) / 0.04
        assert slope == pytest.approx(float(gradient[0, block, head, token]), rel=0.05, abs=2e-4)
    assert (gradient[..., 0] == 0).all()


def test_heads_that_all_count_alike_say_what_one_gate_for_all_does(learned, questions, target):
    shared, run, places, (value, gradient) = expanded(learned, questions[KIND], target)
    gates = torch.full((1, len(shared.contexts[places[0].context])), 0.7)
    gates[:, 0] = 1.0
    gates.requires_grad_()
    (group,) = shared.attend(places[0].context, gates, [[place.query for place in places]])
    reads = [shared.log_probs(stream[list(place.reads)]) for place, stream in zip(places, group, strict=True)]
    alone = smooth_value(run, reads)
    (slopes,) = torch.autograd.grad(alone, gates)
    assert float(alone.detach()) == pytest.approx(float(value[0]), abs=1e-5)
    torch.testing.assert_close(gradient[0].sum((0, 1))[1:], slopes[0, 1:], atol=1e-5, rtol=1e-3)


def test_it_learns_from_generic_text_and_the_same_from_the_same(learned, target):
    generator = torch.Generator().manual_seed(0)
    texts = [tuple(torch.randint(33, 120, (88,), generator=generator).tolist()) for _ in range(5)]
    corpus = Corpus(("",) * 5, tuple((target.bos, *text[1:]) for text in texts))
    first, again = (run_interpret(learned, target, corpus, Meter()).tensors["weights"] for _ in range(2))
    assert first.shape == (target.layers, 4)
    assert torch.equal(first, again)
    assert float(first.std()) > 0.0
    short = Corpus(corpus.texts, tuple(text[:40] for text in corpus.tokens))
    assert (run_interpret(learned, target, short, Meter()).tensors["weights"] == 1).all()
