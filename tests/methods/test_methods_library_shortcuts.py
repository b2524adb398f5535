"""Methods that cut what is read, what is run, or all layers, against the plain model and scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from istar.questions import SpanLogprob


def logits_of(run, path, target):
    """Hugging Face's own logits at the reads of a path."""
    with torch.no_grad():
        return target.module(torch.tensor([path.tokens])).logits[0][list(path.reads)]


def test_answer_logits_are_log_probabilities_without_their_normalisers(questions, target, run_method):
    compared = 0
    for question in questions.values():
        runs = [run for run in question.runs if isinstance(run.readout, SpanLogprob) and run.intervention is None]
        if len(runs) < len(question.runs):
            continue
        channels = run_method("answer_logits", question, [("DEPTH = 0.8", "DEPTH = 1.0")])[:, 0]
        for run, channel in zip(runs, channels, strict=True):
            normalisers = logits_of(run, run.paths[0], target).logsumexp(-1)
            normaliser = float(normalisers.mean() if run.readout.mean else normalisers.sum())
            assert channel - normaliser == pytest.approx(target.slow_value(run), abs=1e-3)
            compared += 1
    assert compared > 10


def test_answer_logits_stop_where_they_are_told_to(questions, target, run_method):
    question = questions["one token substituted"]
    shallow = run_method("answer_logits", question, [("DEPTH = 0.8", "DEPTH = 0.0")])[:, 0]
    run = question.runs[0]
    table = target.module.model.embed_tokens.weight
    with torch.no_grad():
        stream = target.module.model.norm(table[[run.paths[0].tokens[read] for read in run.paths[0].reads]])
        asked = run.tokens[run.readout.start :]
        expected = (stream * target.module.lm_head.weight[list(asked)]).sum(1)
    reduced = expected.mean() if getattr(run.readout, "mean", False) else expected.sum()
    assert shallow[0] == pytest.approx(float(reduced), abs=1e-4)


@pytest.mark.parametrize("kind", ["prompts times examples", "parts switched on and off", "modified targets"])
def test_a_short_context_is_the_run_that_was_cut(kind, questions, target, run_method):
    question = questions[kind]
    channels = run_method("short_context", question, [("MEMORY = 16", "MEMORY = 3")])[:, 0]
    for run, channel in zip(question.runs, channels, strict=True):
        start = run.readout.start
        removed = max(0, start - 4)
        short = (run.tokens[0], *run.tokens[1 + removed :])
        cut = replace(run, tokens=short, readout=replace(run.readout, start=start - removed))
        assert channel == pytest.approx(target.slow_value(cut), abs=1e-3)


def test_where_nothing_is_cut_there_is_no_channel(questions, run_method):
    for question in questions.values():
        assert run_method("short_context", question, [("MEMORY = 16", "MEMORY = 10_000")]).shape[1] == 0


def test_the_context_student_is_scikit_learns_ridge(questions, target, corpus, run_method):
    window = 5
    table = target.module.model.embed_tokens.weight.detach().double().numpy()

    def features(tokens):
        means = [table[list(tokens[max(0, place - window + 1) : place + 1])].mean(0) for place in range(len(tokens))]
        return np.concatenate([table[list(tokens)], np.stack(means)], axis=1)

    x = np.concatenate([features(tokens)[1:] for tokens in corpus.tokens])
    with torch.no_grad():
        y = np.concatenate([target.forward(torch.tensor([tokens]))[0, 1:].double().numpy() for tokens in corpus.tokens])
    penalty = 0.1 * ((x - x.mean(0)) ** 2).sum(0).mean()
    ridge = Ridge(alpha=penalty, solver="cholesky").fit(x, y)
    question = questions["prompts times examples"]
    channels = run_method("context_student", question, [("WINDOW = 64", f"WINDOW = {window}")])[:, 0]
    for run, channel in zip(question.runs, channels, strict=True):
        log_probs = []
        for path in run.paths:
            stream = torch.from_numpy(ridge.predict(features(path.tokens)[list(path.reads)])).float()
            with torch.no_grad():
                log_probs.append(torch.log_softmax(target.module.lm_head(target.module.model.norm(stream)), -1))
        assert channel == pytest.approx(run.readout.value(run.tokens, log_probs), abs=2e-3)
