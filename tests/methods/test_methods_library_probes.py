"""Probes of the middle stream against scikit-learn and SciPy, and where there are fewer positions than inputs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge

from istar.methods import asked_spans
from istar.questions import Column, Entropy, QuestionView, Run, SpanLogprob, Structure

PLAIN = (
    "parts switched on and off",
    "one part removed at a time",
    "prompts times examples",
    "plain sequences",
    "entropy and divergence",
    "one token substituted",
    "probabilities of choices",
)
MIDDLE = 2


def view(runs):
    runs = tuple(runs)
    return QuestionView(runs, Structure((Column("row", "nuisance", tuple(map(float, range(len(runs))))),)))


def states(target, tokens):
    """Return Hugging Face's middle stream, and the log-probabilities of next tokens, in NumPy."""
    with torch.no_grad():
        output = target.module(torch.tensor([tokens]), output_hidden_states=True)
    log_probs = torch.log_softmax(output.logits[0].double(), -1)
    return output.hidden_states[MIDDLE][0].double().numpy(), log_probs.numpy()


def mean_streams(target, question):
    return np.stack([states(target, run.paths[0].tokens)[0][list(run.paths[0].reads)].mean(0) for run in question.runs])


# -- linear probe -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PLAIN)
def test_the_probe_is_given_scikit_learns_principal_components(kind, questions, target, corpus, run_method):
    texts = np.concatenate([states(target, tokens)[0][1:] for tokens in corpus.tokens])
    expected = PCA(n_components=16, whiten=True, svd_solver="full").fit(texts)
    channels = run_method("linear_probe", questions[kind])
    coordinates = expected.transform(mean_streams(target, questions[kind]))
    assert channels.shape == coordinates.shape
    for channel, coordinate in zip(channels.T, coordinates.T, strict=True):
        sign = np.sign(channel @ coordinate)
        assert np.allclose(channel, sign * coordinate, atol=2e-3)


def test_all_components_lose_nothing_of_the_stream(questions, target, corpus, run_method):
    """Distances are Mahalanobis distances, and a regression finds any linear function of the stream exactly."""
    runs = [run for kind in PLAIN[:4] for run in questions[kind].runs]
    runs += [Run(tokens[:stop], Entropy()) for tokens in corpus.tokens for stop in range(5, 15)]
    question = view(runs)
    channels = run_method("linear_probe", question, [("COMPONENTS = 16", "COMPONENTS = 64")])
    texts = np.concatenate([states(target, tokens)[0][1:] for tokens in corpus.tokens])
    precision = np.linalg.inv(np.cov(texts.T))
    streams = mean_streams(target, question)
    for row in (0, 17, 40):
        expected = mahalanobis(streams[row], texts.mean(0), precision)
        assert np.linalg.norm(channels[row]) == pytest.approx(expected, rel=5e-3)
    wanted = streams @ np.random.default_rng(0).standard_normal(target.width)
    assert len(runs) > 2 * target.width
    assert LinearRegression().fit(channels, wanted).score(channels, wanted) > 0.9999
    few = run_method("linear_probe", question)
    assert LinearRegression().fit(few, wanted).score(few, wanted) < 0.9


# -- confidence probe -------------------------------------------------------------------------------------------------


def certainty(log_probs):
    """Return the entropy, and by how much the likeliest token is likelier than the next."""
    likely = np.sort(np.exp(log_probs), axis=-1)
    return -(np.exp(log_probs) * log_probs).sum(-1), likely[..., -1] - likely[..., -2]


def lens_logits(target, streams, tokens):
    with torch.no_grad():
        logits = target.module.lm_head(target.module.model.norm(torch.from_numpy(streams).float()))
    return logits.double().numpy()[np.arange(len(tokens)), list(tokens)]


@pytest.fixture(scope="module")
def probes(target, corpus):
    """Return scikit-learn's regressions: of three numbers on the stream, and of one with a token's logit as well."""
    inputs, own, answers = [], [], []
    for tokens in corpus.tokens:
        stream, log_probs = (each[1:-1] for each in states(target, tokens))
        following = np.array(tokens[2:])
        inputs.append(stream)
        own.append(lens_logits(target, stream, following))
        scored = log_probs[np.arange(len(following)), following]
        answers.append(np.column_stack([scored, *certainty(log_probs)]))
    x, y = np.concatenate(inputs), np.concatenate(answers)
    wide = np.column_stack([x, np.concatenate(own)])

    def penalty(each):
        return 0.01 * ((each - each.mean(0)) ** 2).sum(0).mean()

    return Ridge(penalty(x), solver="cholesky").fit(x, y), Ridge(penalty(wide), solver="cholesky").fit(wide, y[:, 0])


@pytest.mark.parametrize("kind", PLAIN)
def test_confidence_is_scikit_learns_ridge(kind, questions, target, probes, run_method):
    question = questions[kind]
    sure, asked = probes
    channels = run_method("confidence_probe", question)
    assert channels.shape[1] == (3 if kind == "entropy and divergence" else 4)
    for row, run in enumerate(question.runs):
        totals = []
        for place, (path, span) in enumerate(zip(run.paths, asked_spans(run), strict=True)):
            stream = states(target, path.tokens)[0][list(path.reads)]
            if place == 0:
                assert np.allclose(channels[row, :3], sure.predict(stream).mean(0), atol=2e-3)
            if span:
                guesses = asked.predict(np.column_stack([stream, lens_logits(target, stream, span)]))
                totals.append(guesses.mean() if run.readout.kind == "span_loss" else guesses.sum())
        if totals:
            expected = totals[0] - (np.logaddexp.reduce(totals[1:]) if len(totals) > 1 else 0.0)
            assert channels[row, 3] == pytest.approx(expected, abs=1e-2)


def test_confidence_is_exact_on_a_corpus_that_a_probe_can_interpolate(target, corpus, run_method):
    """One sequence has fewer positions than the stream has components."""
    tokens = corpus.tokens[0]
    assert len(tokens) - 2 < target.width
    runs = [Run(tokens[: start + 1], SpanLogprob(start)) for start in range(2, len(tokens))]
    few = replace(corpus, tokens=(tokens,))
    channels = run_method("confidence_probe", view(runs), [("RIDGE = 1e-2", "RIDGE = 1e-10")], corpus=few)
    exact = np.array([target.slow_value(run) for run in runs])
    entropy, gap = certainty(states(target, tokens)[1][1:-1])
    assert np.allclose(channels, np.column_stack([exact, entropy, gap, exact]), atol=0.02)
    assert exact.std() > 0.5


def test_the_probe_of_a_token_tells_tokens_of_one_position_apart(target, corpus, run_method):
    """The first three channels do not look at what is asked, the fourth does, and in the right direction."""
    runs = [Run((*corpus.tokens[0][:20], token), SpanLogprob(20)) for token in range(2, 258)]
    channels = run_method("confidence_probe", view(runs))
    exact = np.array([target.slow_value(run) for run in runs])
    assert np.allclose(channels[:, :3], channels[0, :3])
    assert np.corrcoef(channels[:, 3], exact)[0, 1] > 0.1
