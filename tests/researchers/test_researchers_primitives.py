"""Written methods on the tiny target: every primitive runs, and the shortcuts agree with what they shorten."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from istar.flops import Meter
from istar.methods.check_questions import sample_questions
from istar.methods.loading import load_method
from istar.methods.recorder import record, run_interpret
from istar.questions import nested_batches
from istar.researchers.primitives import load_primitives
from istar.researchers.rendering import render_method
from istar.researchers.sentence import Sentence
from istar.seeds import Seed
from istar.targets import build_corpus, load_target

PRIMITIVES = load_primitives()


@pytest.fixture(scope="module")
def target():
    return load_target("tiny-random")


@pytest.fixture(scope="module")
def questions(target):
    return sample_questions(target)


@pytest.fixture(scope="module")
def corpus(target):
    return build_corpus(target, 4, 24)


def channels(primitive, question, target, corpus):
    method = load_method(render_method(Sentence((primitive,))), "written")
    interpretation = run_interpret(method, target, corpus, Meter())
    batches = nested_batches(question.structure, Seed.root(0))
    recording = record(method, question, "question", batches, target, interpretation)
    found = np.full((len(question.runs), recording.channels), np.nan)
    for batch in recording.batches:
        found[batch.rows] = batch.channels
    return found, recording.total_flops


@pytest.mark.parametrize("kind", tuple(PRIMITIVES))
def test_every_primitive_gives_channels_on_every_kind_of_question(kind, questions, target, corpus):
    made = PRIMITIVES.get(kind)
    primitive = made(*(each.metadata["choice"].options[0] for each in fields(made)))
    widths = {name: channels(primitive, question, target, corpus)[0].shape[1] for name, question in questions.items()}
    assert set(widths.values()) <= {0, 1}
    assert 1 in widths.values()


def exact(question, target):
    return target.values(question.runs).numpy()[:, None]


@pytest.mark.parametrize("kind", ["logit_lens", "short_context", "layer_skipping"])
def test_shortcuts_that_shorten_nothing_are_exact(kind, questions, target, corpus):
    """At full depth, with all of the context, or without a block missing, what is read is the truth."""
    whole = {
        "logit_lens": lambda made: made(1.0),
        "short_context": lambda made: made(10_000, 1.0),
        "layer_skipping": lambda made: made(1.0, 0.1),
    }[kind](PRIMITIVES.get(kind))
    for question in questions.values():
        found, _ = channels(whole, question, target, corpus)
        assert found == pytest.approx(exact(question, target), abs=1e-4)


def test_reduced_vocabulary_with_all_tokens_is_the_tuned_lens(questions, target, corpus):
    for kind, question in questions.items():
        if kind in ("entropy and divergence", "modified targets"):
            continue  # the first asks about all tokens, the second changes logits
        reduced, _ = channels(PRIMITIVES.get("reduced_lens")(0.5, 0.1, target.vocabulary), question, target, corpus)
        tuned, _ = channels(PRIMITIVES.get("tuned_lens")(0.5, 0.1, 0), question, target, corpus)
        assert reduced == pytest.approx(tuned, abs=1e-4)


def test_answer_logits_differ_from_log_probabilities_by_their_normaliser(questions, target):
    from istar.researchers.primitives.answer_logits import answer_logits

    for question in questions.values():
        runs = [run for run in question.runs if run.readout.kind == "span_logprob" and not run.readout.mean]
        if not runs:
            continue
        with torch.no_grad():
            logits = answer_logits(target, runs, 1.0)[:, 0]
            streams = target.run(runs)
            for row, run in enumerate(runs):
                full = target.anatomy.unembedding(target.anatomy.final_norm(streams.at(row)))
                normaliser = float(full.logsumexp(-1).sum())
                assert float(logits[row]) - normaliser == pytest.approx(target.slow_value(run), abs=1e-3)


def test_shallow_reading_costs_less_than_deep(questions, target, corpus):
    question = next(iter(questions.values()))
    shallow = channels(PRIMITIVES.get("logit_lens")(0.1), question, target, corpus)[1]
    deep = channels(PRIMITIVES.get("logit_lens")(0.9), question, target, corpus)[1]
    student = channels(PRIMITIVES.get("context_student")(16, 0.1), question, target, corpus)[1]
    assert student < shallow < deep


def test_ridge_regression_is_scikit_learns():
    from sklearn.linear_model import Ridge

    from istar.researchers.primitives.lens import ridge_regression

    generator = np.random.default_rng(0)
    inputs, outputs = generator.normal(size=(50, 6)) + 2.0, generator.normal(size=(50, 3))
    strength = 0.3 * inputs.var(0).mean() * len(inputs)
    reference = Ridge(alpha=strength).fit(inputs, outputs)
    fitted = ridge_regression(torch.tensor(inputs), torch.tensor(outputs), 0.3).numpy()
    assert fitted[:-1] == pytest.approx(reference.coef_.T)
    assert fitted[-1] == pytest.approx(reference.intercept_)


def test_early_and_late_are_the_targets_own_streams(target, corpus):
    from istar.researchers.primitives.lens import early_and_late, layer_at

    early, late = early_and_late(target, corpus, 0.5)
    tokens = torch.tensor(corpus.tokens)
    with torch.no_grad():
        assert early.numpy() == pytest.approx(
            target.forward(tokens, upto=layer_at(target, 0.5))[:, 1:].flatten(0, 1).numpy(), abs=1e-5
        )
        assert late.numpy() == pytest.approx(target.forward(tokens)[:, 1:].flatten(0, 1).numpy(), abs=1e-5)
