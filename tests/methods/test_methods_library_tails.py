"""Lenses with errors, distances and the n-gram control, against Monte Carlo, closed forms and plain dictionaries."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.polynomial.hermite_e import hermegauss
from scipy.spatial.distance import mahalanobis
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.covariance import ShrunkCovariance
from sklearn.linear_model import Ridge
from transformers import AutoModelForCausalLM, GPT2Config

from istar.flops.meter import Meter
from istar.methods import Interpretation, asked_spans, load_method, score_asked
from istar.methods.check_questions import sample_questions
from istar.methods.library import library_methods
from istar.methods.recorder import record, run_interpret
from istar.questions import Column, Entropy, GreedyCorrect, QuestionView, Run, SpanLogprob, Structure, Temperature
from istar.targets import wrap
from istar.targets.corpus import build_corpus
from istar.targets.interventions import applied
from istar.targets.tiny import byte_tokenizer, randomise

TOKENS = (
    "parts switched on and off",
    "one part removed at a time",
    "prompts times examples",
    "plain sequences",
    "one token substituted",
    "probabilities of choices",
)
"""Kinds of rows that score tokens on the plain target, and nothing else."""
EXACT = [("RIDGE = 1e-2", "RIDGE = 1e-9")]


def plain(target, tokens, layer):
    """Return Hugging Face's residual stream after some blocks, its normalised last one, and the logits."""
    with torch.no_grad():
        output = target.module(torch.tensor([tokens]), output_hidden_states=True)
    return output.hidden_states[layer][0], output.hidden_states[-1][0], output.logits[0]


def normalised(target, stream):
    with torch.no_grad():
        return target.module.model.norm(stream)


def view(runs):
    return QuestionView(tuple(runs), Structure((Column("row", "nuisance", tuple(map(float, range(len(runs))))),)))


def fitted(target, corpus, layer, before=None, after=None):
    """Return scikit-learn's ridge of last streams on earlier ones, and both."""
    x, y = [], []
    for tokens in corpus.tokens:
        early, late, _ = plain(target, tokens, layer)
        if after is not None:
            with torch.no_grad():
                late = target.forward(torch.tensor([tokens]))[0]
        x.append((early if before is None else before(early))[1:])
        y.append(late[1:])
    x, y = torch.cat(x).double().numpy(), torch.cat(y).double().numpy()
    penalty = 0.01 * ((x - x.mean(0)) ** 2).sum(0).mean()
    return Ridge(alpha=penalty, solver="cholesky").fit(x, y), x, y


def linear_gaussian(target, corpus):
    """Return the mean map to logits, from an earlier stream, and the dense covariance of the logits' error."""
    ridge, x, y = fitted(target, corpus, 2, before=lambda stream: normalised(target, stream))
    weight = target.module.lm_head.weight.double().numpy()
    error = y - ridge.predict(x)

    def logits(stream):
        return ridge.predict(normalised(target, stream).double().numpy()) @ weight.T

    return logits, weight, error.T @ error / len(error)


def log_softmax(logits):
    return logits - logsumexp(logits, axis=-1, keepdims=True)


def combined(run, spans):
    """Put the numbers of a run's scored tokens together, in plain Python."""
    kind = run.readout.kind
    totals = [float(np.mean(span) if kind == "span_loss" else np.sum(span)) for span in spans if len(span)]
    return totals[0] if len(totals) == 1 else totals[0] - logsumexp(totals[1:])


# -- scored tokens ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TOKENS)
def test_spans_are_the_tokens_that_follow_the_reads(kind, questions):
    for run in questions[kind].runs:
        spans = asked_spans(run)
        assert [len(span) for span in spans] == [len(path.reads) for path in run.paths]
        for path, span in zip(run.paths, spans, strict=True):
            assert span[:-1] == tuple(path.tokens[read + 1] for read in path.reads[:-1])
        assert spans[0] == run.tokens[run.readout.start :]


def test_whole_distributions_have_no_span(questions):
    assert all(asked_spans(run) in [((),), ((), ())] for run in questions["entropy and divergence"].runs)
    for run in questions["modified targets"].runs:
        assert asked_spans(run) == (run.tokens[run.readout.start :], ())


@pytest.mark.parametrize("kind", [*TOKENS, "modified targets"])
def test_scored_tokens_are_put_together_as_the_readouts_do(kind, questions, target):
    """With log-probabilities for scores, they are readouts: sums, negative losses, margins, log-odds of choices."""
    question = questions[kind]

    def score(streams, places, tokens):
        return target.unembed(streams)[places].gather(1, tokens.unsqueeze(1)).repeat(1, 2)

    with torch.no_grad():
        found = score_asked(question.runs, target.run(question.runs), score)
    assert found.shape == (len(question.runs), 2)
    for run, number in zip(question.runs, found[:, 1].tolist(), strict=True):
        if isinstance(run.intervention, Temperature):
            continue  # what is done to the logits is not in the streams
        exact = target.slow_value(run)
        if run.readout.kind == "choice_probability":
            expected = np.log(exact) - np.log1p(-exact)
        elif run.readout.kind == "span_probability":
            expected = np.log(exact)
        elif run.readout.kind == "span_loss":
            expected = -exact
        elif run.readout.kind in ("greedy_correct", "policy_cost"):
            expected = target.slow_value(Run(run.tokens, SpanLogprob(run.readout.start), run.intervention))
        else:
            expected = exact
        assert number == pytest.approx(expected, abs=2e-3)


def test_a_mean_over_a_span_stays_a_mean(target):
    (total,), (mean,) = (
        score_asked(runs, target.run(runs), lambda streams, places, tokens: tokens.unsqueeze(1).double())
        for runs in ([Run((0, 5, 6, 9), SpanLogprob(2, mean=mean))] for mean in (False, True))
    )
    assert (total.item(), mean.item()) == (15.0, 7.5)


# -- covariance lens --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [5, 64])
def test_the_covariance_lens_is_the_hessian_on_a_dense_covariance(rank, questions, target, corpus, run_method):
    question = questions["parts switched on and off"]
    channels = run_method("covariance_lens", question, [("RANK = 64", f"RANK = {rank}")])
    logits, weight, error = linear_gaussian(target, corpus)
    energy, basis = np.linalg.eigh(error)
    error = (basis[:, -rank:] * energy[-rank:]) @ basis[:, -rank:].T
    covariance = torch.from_numpy(weight @ error @ weight.T)
    for row in (0, 7, 20):
        run, mean, expected = question.runs[row], 0.0, 0.0
        (path,) = run.paths
        stream = plain(target, path.tokens, 2)[0][list(path.reads)]
        for read, token in zip(logits(stream), run.tokens[run.readout.start :], strict=True):
            there = torch.from_numpy(read)

            def log_prob(logits, token=token):
                return torch.log_softmax(logits, -1)[token]

            hessian = torch.autograd.functional.hessian(log_prob, there)
            mean += float(log_prob(there))
            expected += float(log_prob(there) + (hessian * covariance).sum() / 2)
        assert channels[row, 0] == pytest.approx(mean, abs=2e-3)
        assert channels[row, 1] == pytest.approx(expected, rel=2e-3)
        assert abs(expected - mean) > 0.1


def test_expected_log_probabilities_are_what_samples_average_to(questions, target, corpus):
    """Many small Gaussian errors, pushed through the softmax."""
    question = questions["one token substituted"]
    method = load_method(library_methods()["covariance_lens"].read_text(), "covariance_lens")
    learned = run_interpret(method, target, corpus, Meter()).tensors
    small = 0.1
    learned = learned | {"spread": learned["spread"] * small, "variances": learned["variances"] * small**2}
    rows = [np.arange(len(question.runs))]
    channels = record(method, question, "q", rows, target, Interpretation(learned)).batches[0].channels
    logits, weight, error = linear_gaussian(target, corpus)
    factor = weight @ np.linalg.cholesky(error) * small
    noise = np.random.default_rng(0).standard_normal((8000, factor.shape[1]))
    for row in (3, 30):
        run = question.runs[row]
        (path,) = run.paths
        stream = plain(target, path.tokens, 2)[0][list(path.reads)]
        change = 0.0
        for read, token in zip(logits(stream), run.tokens[run.readout.start :], strict=True):
            # every sample with its opposite, so that errors of odd order cancel
            sampled = [log_softmax(read + sign * noise @ factor.T)[:, token].mean() for sign in (1, -1)]
            change += np.mean(sampled) - log_softmax(read)[token]
        assert channels[row, 1] - channels[row, 0] == pytest.approx(change, rel=0.05)
        assert change < -0.01


def test_the_second_channel_repeats_the_first_where_no_token_is_scored(questions, run_method):
    for kind in ("entropy and divergence", "modified targets"):
        channels = run_method("covariance_lens", questions[kind])
        assert channels.shape[1] == 2
        assert (channels[:, 0] == channels[:, 1]).all()
    channels = run_method("covariance_lens", questions["plain sequences"])
    assert (channels[:, 1] > channels[:, 0] + 1e-3).all()  # a loss, which errors make larger


@pytest.mark.parametrize("kind", [*TOKENS, "entropy and divergence"])
def test_the_covariance_lens_is_exact_at_the_end(kind, questions, target, run_method):
    question = questions[kind]
    channels = run_method("covariance_lens", question, [("DEPTH = 0.5", "DEPTH = 1.0"), *EXACT])
    exact = [target.slow_value(run) for run in question.runs]
    assert np.allclose(channels[:, 0], exact, atol=2e-3)
    if question.runs[0].readout.kind == "greedy_correct":
        exact = [target.slow_value(Run(run.tokens, SpanLogprob(run.readout.start))) for run in question.runs]
    assert np.allclose(channels[:, 1], exact, atol=2e-3)


# -- Gaussian logit difference ----------------------------------------------------------------------------------------


def differences(logits, tokens):
    found = []
    for row, token in zip(logits, tokens, strict=True):
        found.append(row[token] - np.delete(row, token).max())
    return np.array(found)


def gaussian_differences(target, corpus):
    """Return the lens in numpy, and the bounds, means and scales of its errors."""
    ridge, _, _ = fitted(target, corpus, 2, after=True)
    guess, truth, likely = [], [], []

    def logits(stream):
        mapped = torch.from_numpy(ridge.predict(stream.double().numpy())).float()
        with torch.no_grad():
            return target.module.lm_head(normalised(target, mapped)).double().numpy()

    for tokens in corpus.tokens:
        early, _, late = plain(target, tokens, 2)
        read = logits(early[1:-1])
        guess.append(differences(read, tokens[2:]))
        truth.append(differences(late[1:-1].double().numpy(), tokens[2:]))
        likely.append(log_softmax(read)[range(len(read)), tokens[2:]])
    error, likely = np.concatenate(truth) - np.concatenate(guess), np.concatenate(likely)
    bounds = np.quantile(likely, [0.25, 0.5, 0.75])
    groups = [error[np.searchsorted(bounds, likely) == group] for group in range(4)]
    return logits, bounds, [group.mean() for group in groups], [group.std(ddof=1) for group in groups]


@pytest.mark.parametrize("kind", TOKENS)
def test_logit_differences_and_their_certainty_are_scipys(kind, questions, target, corpus, run_method):
    question = questions[kind]
    channels = run_method("gaussian_logit_difference", question)
    logits, bounds, means, scales = gaussian_differences(target, corpus)
    for row in (0, len(question.runs) // 2, len(question.runs) - 1):
        run, found, certain = question.runs[row], [], []
        for path, span in zip(run.paths, asked_spans(run), strict=True):
            read = logits(plain(target, path.tokens, 2)[0][list(path.reads)])
            found.append(differences(read, span))
            groups = np.searchsorted(bounds, log_softmax(read)[range(len(span)), span])
            shifted = found[-1] + np.array(means)[groups]
            certain.append(norm.logcdf(shifted / np.array(scales)[groups]))
        assert channels[row, 0] == pytest.approx(combined(run, found), rel=1e-3, abs=5e-3)
        assert channels[row, 1] == pytest.approx(combined(run, certain), rel=5e-3, abs=5e-3)


def test_certainty_is_how_often_the_answer_wins_against_its_only_competitor():
    """Two tokens, whose logits err jointly: samples of the pair against the closed form."""
    method = load_method(library_methods()["gaussian_logit_difference"].read_text(), "gld")
    generator = np.random.default_rng(1)
    covariance = np.array([[1.5, 0.4], [0.4, 0.7]])
    read = np.array([[0.3, 1.1], [2.0, 0.5]])
    tokens = torch.tensor([0, 0])
    gaps, _ = method.predict.__globals__["difference"](torch.from_numpy(read), tokens)
    scale = float(np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    errors = generator.multivariate_normal(np.zeros(2), covariance, size=400_000)
    for row in range(2):
        frequency = ((read[row] + errors).argmax(1) == 0).mean()
        assert float(torch.special.log_ndtr(gaps[row] / scale).exp()) == pytest.approx(frequency, abs=4e-3)


def test_certainty_is_calibrated_where_it_was_learned(target, corpus, run_method):
    """On next tokens of the corpus, the probabilities are how often the answer is the arg max, from 0 up."""
    runs = [Run(tokens[: at + 1], GreedyCorrect(at)) for tokens in corpus.tokens for at in range(2, len(tokens))]
    question = view(runs)
    certain = np.exp(run_method("gaussian_logit_difference", question)[:, 1])
    hits = np.array([target.slow_value(run) for run in runs])
    fifths = np.array_split(certain.argsort(), 5)
    for rows in fifths:
        assert certain[rows].mean() == pytest.approx(hits[rows].mean(), abs=0.07)
    assert hits[fifths[-1]].mean() > 0.2


def greedy_and_not(target, corpus):
    """Return runs of two-token answers, every other of which is what the target itself goes on with."""
    runs = []
    for number, tokens in enumerate(corpus.tokens):
        prompt = list(tokens[: 10 + number])
        for greedy in (True, False):
            answer = []
            for _ in range(2):
                likeliest = plain(target, prompt + answer, 0)[2][-1].topk(2).indices.tolist()
                answer.append(likeliest[0] if greedy else likeliest[1])
            runs.append(Run(tuple(prompt + answer), GreedyCorrect(len(prompt))))
    return runs


def test_logit_differences_are_exact_at_the_end(target, corpus, run_method):
    question = view(greedy_and_not(target, corpus))
    channels = run_method("gaussian_logit_difference", question, [("DEPTH = 0.6", "DEPTH = 1.0"), *EXACT])
    assert np.allclose(np.exp(channels[:, 1]), [1.0, 0.0] * len(corpus.tokens), atol=1e-6)
    for run, found in zip(question.runs, channels[:, 0], strict=True):
        logits = plain(target, run.paths[0].tokens, 0)[2][list(run.paths[0].reads)].double().numpy()
        assert found == pytest.approx(differences(logits, run.tokens[-2:]).sum(), abs=5e-3)


# -- quadratic logit decomposition ------------------------------------------------------------------------------------


def test_the_quadrature_is_gauss_and_hermites():
    globals_ = load_method(library_methods()["quadratic_logit_decomposition"].read_text()).predict.__globals__
    nodes, weights = hermegauss(7)
    assert np.allclose(globals_["NODES"], nodes[:4])
    assert np.allclose(globals_["WEIGHTS"], weights[:4] / np.sqrt(2 * np.pi), rtol=1e-10)


def averaged(mean, tilt, token):
    """Integrate a token's softmax probability over a standard normal number that tilts the logits, densely."""
    grid = np.linspace(-9, 9, 6001)
    inside = log_softmax(mean + grid[:, None] * tilt)[:, token] + norm.logpdf(grid)
    return logsumexp(inside) + np.log(grid[1] - grid[0])


@pytest.mark.parametrize("kind", TOKENS)
def test_answers_are_sampled_as_often_as_dense_integration_says(kind, questions, target, corpus, run_method):
    question = questions[kind]
    channels = run_method("quadratic_logit_decomposition", question)
    logits, weight, error = linear_gaussian(target, corpus)
    for row in (0, len(question.runs) - 1):
        run, found, held = question.runs[row], [], []
        for path, span in zip(run.paths, asked_spans(run), strict=True):
            read = logits(plain(target, path.tokens, 2)[0][list(path.reads)])
            tilts = [weight @ error @ weight[token] / np.sqrt(weight[token] @ error @ weight[token]) for token in span]
            found.append([averaged(*each) for each in zip(read, tilts, span, strict=True)])
            held.append(log_softmax(read)[range(len(span)), span])
        assert channels[row, 0] == pytest.approx(combined(run, found), rel=1e-3, abs=5e-3)
        if kind != "one part removed at a time":
            assert abs(combined(run, found) - combined(run, held)) > 0.05


@pytest.mark.slow
def test_with_one_direction_of_error_the_decomposition_is_the_whole_gaussian(questions, target, corpus, run_method):
    question = questions["one token substituted"]
    edits = [("RANK = 256", "RANK = 1")]
    channels = run_method("quadratic_logit_decomposition", question, edits)
    logits, weight, error = linear_gaussian(target, corpus)
    energy, basis = np.linalg.eigh(error)
    noise = np.random.default_rng(2).standard_normal((100_000, 1)) * np.sqrt(energy[-1])
    tilt = weight @ basis[:, -1]
    for row in (0, 17):
        run = question.runs[row]
        (path,) = run.paths
        read = logits(plain(target, path.tokens, 2)[0][list(path.reads)])
        sampled = [
            logsumexp(log_softmax(each + noise * tilt)[:, token]) - np.log(len(noise))
            for each, token in zip(read, run.tokens[run.readout.start :], strict=True)
        ]
        assert channels[row, 0] == pytest.approx(sum(sampled), abs=5e-3)


@pytest.mark.parametrize("kind", TOKENS)
def test_sampling_is_exact_at_the_end(kind, questions, target, run_method):
    question = questions[kind]
    channels = run_method("quadratic_logit_decomposition", question, [("DEPTH = 0.6", "DEPTH = 1.0"), *EXACT])
    for run, found in zip(question.runs, channels[:, 0], strict=True):
        spans = [
            log_softmax(plain(target, path.tokens, 0)[2][list(path.reads)].double().numpy())[range(len(span)), span]
            for path, span in zip(run.paths, asked_spans(run), strict=True)
        ]
        assert found == pytest.approx(combined(run, spans), abs=3e-3)


def test_lenses_are_exact_at_the_end_of_a_model_with_another_norm_and_tied_weights():
    with torch.random.fork_rng(devices=[]):
        configuration = GPT2Config(
            vocab_size=258, bos_token_id=0, eos_token_id=1, n_embd=32, n_layer=3, n_head=2, n_positions=512
        )
        module = AutoModelForCausalLM.from_config(configuration, attn_implementation="sdpa")
    small = wrap(randomise(module, seed=3), byte_tokenizer(), "gpt2", "gpt2-tails")
    corpus = build_corpus(small, sequences=8, length=48)
    question = sample_questions(small)["parts switched on and off"]
    exact = [small.slow_value(run) for run in question.runs]
    for name, depth, channel in (("covariance_lens", 0.5, 1), ("quadratic_logit_decomposition", 0.6, 0)):
        source = library_methods()[name].read_text().replace(f"DEPTH = {depth}", "DEPTH = 1.0")
        method = load_method(source.replace("RIDGE = 1e-2", "RIDGE = 1e-9"), name)
        interpretation = run_interpret(method, small, corpus, Meter())
        rows = [np.arange(len(question.runs))]
        channels = record(method, question, "q", rows, small, interpretation).batches[0].channels
        assert np.allclose(channels[:, channel], exact, atol=5e-3)


# -- distances and directions -----------------------------------------------------------------------------------------


def last_streams(question, target):
    """Return what enters the third block where each run's first path is read last, under its intervention."""
    found = []
    for run in question.runs:
        entered = []

        def keep(module, arguments, keywords, entered=entered):
            entered.append(arguments[0] if arguments else keywords["hidden_states"])

        with (
            applied(target, run.intervention),
            target.anatomy.blocks[2].register_forward_pre_hook(keep, with_kwargs=True),
        ):
            plain(target, run.paths[0].tokens, 2)
        found.append(entered[0][0, run.paths[0].reads[-1]])
    return torch.stack(found).double().numpy()


def corpus_streams(target, corpus):
    return torch.cat([plain(target, tokens, 2)[0][1:] for tokens in corpus.tokens]).double().numpy()


@pytest.mark.parametrize("kind", ["one part removed at a time", "entropy and divergence", "modified targets"])
def test_distances_are_scipys_under_scikit_learns_covariance(kind, questions, target, corpus, run_method):
    question = questions[kind]
    channels = run_method("mahalanobis", question)
    generic = corpus_streams(target, corpus)
    gaussian = ShrunkCovariance(shrinkage=0.01).fit(generic)
    energy, basis = np.linalg.eigh(gaussian.covariance_)
    assert energy[32] > energy[31] * (1 + 1e-6)
    for found, stream in zip(channels, last_streams(question, target), strict=True):
        whole = mahalanobis(stream, gaussian.location_, gaussian.precision_)
        assert found[0] == pytest.approx(whole**2, rel=1e-3)
        for channel, half in ((1, basis[:, 32:]), (2, basis[:, :32])):
            inside = np.linalg.inv(half.T @ gaussian.covariance_ @ half)
            expected = mahalanobis(half.T @ stream, half.T @ gaussian.location_, inside)
            assert found[channel] == pytest.approx(expected, rel=1e-3)


def test_generic_text_is_as_far_as_its_dimensions(target, corpus, run_method):
    """Without shrinkage, the mean squared distance of the corpus itself is the width."""
    question = view([Run(tokens[: at + 1], Entropy()) for tokens in corpus.tokens for at in range(1, len(tokens))])
    channels = run_method("mahalanobis", question, [("SHRINKAGE = 0.01", "SHRINKAGE = 0.0")])
    assert channels[:, 0].mean() == pytest.approx(target.width, rel=1e-3)
    assert (channels[:, 1] ** 2).mean() == pytest.approx(target.width / 2, rel=1e-3)


def directions(rows):
    """Return numpy's centre and right singular vectors, each with its largest component positive."""
    vectors = np.linalg.svd(rows - rows.mean(0), full_matrices=False)[2][:4]
    largest = np.abs(vectors).argmax(1)
    return rows.mean(0), (vectors * np.sign(vectors[range(4), largest])[:, None]).T


def test_coordinates_are_numpys_and_stay_once_enough_rows_are_seen(questions, target, corpus):
    question = questions["parts switched on and off"]
    rows = last_streams(question, target)
    method = load_method(library_methods()["spectral_signatures"].read_text(), "spectral_signatures")
    interpretation = run_interpret(method, target, corpus, Meter())
    batches = [np.arange(0, 4), np.arange(4, 15), np.arange(15, 24), np.arange(24, 32)]
    found = [batch.channels for batch in record(method, question, "q", batches, target, interpretation).batches]
    centre, vectors = directions(corpus_streams(target, corpus))
    assert np.allclose(found[0], (rows[:4] - centre) @ vectors, atol=2e-3)
    assert np.allclose(found[1], (rows[4:15] - centre) @ vectors, atol=2e-3)
    centre, vectors = directions(rows[:24])
    assert np.allclose(found[2], (rows[15:24] - centre) @ vectors, atol=2e-3)
    assert np.allclose(found[3], (rows[24:] - centre) @ vectors, atol=2e-3)


def test_what_a_question_varies_is_in_the_coordinates(questions, target, run_method):
    """Rows with one of two queries fall apart along the leading directions."""
    question = questions["parts switched on and off"]
    channels = run_method("spectral_signatures", question)
    query = question.structure.levels("query")
    assert max(abs(np.corrcoef(channels[:, channel], query)[0, 1]) for channel in range(4)) > 0.5


# -- n-grams ----------------------------------------------------------------------------------------------------------


class Trigrams:
    """The interpolated model in dictionaries."""

    def __init__(self, sequences, vocabulary):
        self.vocabulary = vocabulary
        self.counts, self.totals = Counter(), Counter()
        for tokens in sequences:
            padded = (tokens[0], *tokens)
            for at in range(2, len(padded)):
                for length in range(3):
                    self.counts[padded[at - length : at + 1]] += 1
                    self.totals[padded[at - length : at]] += 1

    def probability(self, history, token, weights):
        found = 1 / self.vocabulary
        for length, weight in enumerate(weights):
            recent = tuple(history[len(history) - length :])
            if self.totals[recent]:
                found = weight * self.counts[(*recent, token)] / self.totals[recent] + (1 - weight) * found
        return found

    def log_likelihood(self, sequences, weights):
        padded = [(tokens[0], *tokens) for tokens in sequences]
        return sum(
            np.log(self.probability(tokens[at - 2 : at], tokens[at], weights))
            for tokens in padded
            for at in range(2, len(tokens))
        )


@pytest.fixture(scope="module")
def weights(target, corpus):
    method = load_method(library_methods()["ngram"].read_text(), "ngram")
    return run_interpret(method, target, corpus, Meter()).data["weights"]


def test_weights_are_the_best_on_held_out_sequences(target, corpus, weights):
    known = Trigrams([tokens for at, tokens in enumerate(corpus.tokens) if at % 4 != 3], target.vocabulary)
    held_out = corpus.tokens[3::4]
    chosen = []
    for _ in range(3):
        likelihoods = [known.log_likelihood(held_out, [*chosen, step / 20]) for step in range(20)]
        chosen.append(int(np.argmax(likelihoods)) / 20)
    assert weights == chosen
    assert max(weights[1:]) > 0


@pytest.mark.parametrize("kind", [*TOKENS, "fine-tunes times probes"])
def test_the_n_gram_model_is_one_of_dictionaries(kind, questions, target, corpus, weights, run_method):
    question = questions[kind]
    channels = run_method("ngram", question)
    model = Trigrams(corpus.tokens, target.vocabulary)
    for run, found in zip(question.runs, channels[:, 0], strict=True):
        log_probs = []
        for path in run.paths:
            there = [(path.tokens[0], *path.tokens[: at + 1])[-2:] for at in path.reads]
            every = [[model.probability(pair, token, weights) for token in range(target.vocabulary)] for pair in there]
            log_probs.append(torch.tensor(every).log())
        readout = run.readout
        if readout.kind == "greedy_correct":
            readout = SpanLogprob(readout.start)
        assert found == pytest.approx(readout.value(run.tokens, log_probs), rel=1e-3, abs=1e-4)


def test_n_gram_probabilities_add_up_to_one(target, corpus, weights):
    method = load_method(library_methods()["ngram"].read_text(), "ngram")
    counts = run_interpret(method, target, corpus, Meter()).tensors
    sequence = corpus.tokens[0]
    for pair in [*list(pairwise(sequence))[:5], (250, 251), (sequence[4], 251), (251, sequence[4])]:
        rows = torch.tensor([(*pair, token) for token in range(target.vocabulary)])
        log_probs = method.predict.__globals__["log_probs"](rows, counts, weights, target.vocabulary)
        assert float(log_probs.exp().sum()) == pytest.approx(1.0, abs=1e-4)


def test_lookups_are_counted_and_the_target_is_not_run(questions, target, corpus):
    question = questions["plain sequences"]
    method = load_method(library_methods()["ngram"].read_text(), "ngram")
    interpretation = run_interpret(method, target, corpus, Meter())
    recording = record(method, question, "q", [np.arange(len(question.runs))], target, interpretation)
    scored = sum(len(path.reads) for run in question.runs for path in run.paths)
    assert scored * 3 < recording.total_flops < scored * 1000
    assert recording.matmul_flops == 0
    body = library_methods()["ngram"].read_text().partition("def prepare")[2]
    assert "target." not in body.replace("target.vocabulary", "")


@pytest.mark.parametrize("name", ["gaussian_logit_difference", "quadratic_logit_decomposition", "ngram"])
def test_questions_without_scored_tokens_cost_nothing(name, questions, target, corpus):
    question = questions["entropy and divergence"]
    method = load_method(library_methods()[name].read_text(), name)
    interpretation = run_interpret(method, target, corpus, Meter())
    recording = record(method, question, "q", [np.arange(len(question.runs))], target, interpretation)
    assert recording.channels == 0
    assert recording.total_flops == 0
