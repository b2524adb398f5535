"""Reduced forwards, heads and sparse codes against edited copies of the plain model, numpy, scipy and scikit-learn."""

import copy

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.linear_model import Ridge
from test_methods_architectures import CONFIGURATIONS
from test_methods_library import ALL_QUESTIONS, PLAIN, exact, lens_values
from transformers import AutoModelForCausalLM

from istar.flops.meter import Meter
from istar.methods import MethodError, SparseCode, fit_sparse_code, load_method, replacing, without_blocks
from istar.methods.check_questions import sample_questions
from istar.methods.library import library_methods
from istar.methods.recorder import record, run_interpret
from istar.targets import Corpus, wrap
from istar.targets.tiny import byte_tokenizer, randomise

FULL_RANK = [("RANK = 0.5", "RANK = 1.0"), ("DTYPE = torch.float16", "DTYPE = torch.float32")]
ALL_NEURONS = [("SHARE = 0.5", "SHARE = 1.0")]
FEW_STEPS = [("STEPS = 300", "STEPS = 20")]
MLP_MATRICES = {"gpt2": ("c_fc", "c_proj"), "gpt_neox": ("dense_h_to_4h", "dense_4h_to_h")}
GATED = ("gate_proj", "up_proj", "down_proj")


@pytest.fixture(scope="module", params=sorted(CONFIGURATIONS))
def small(request):
    """A small target of each architecture, with random tokens as its corpus."""
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(CONFIGURATIONS[request.param], attn_implementation="sdpa")
    target = wrap(randomise(module, seed=3), byte_tokenizer(), request.param, request.param)
    rows = np.random.default_rng(0).integers(2, 258, (6, 40))
    return target, Corpus((), tuple((0, *map(int, row)) for row in rows))


def learn(name, target, corpus, edits=()):
    source = library_methods()[name].read_text()
    for old, new in edits:
        assert old in source
        source = source.replace(old, new)
    return run_interpret(load_method(source, name), target, corpus, Meter()).tensors


def recorded(name, question, target, corpus, edits=(), batches=None):
    source = library_methods()[name].read_text()
    for old, new in edits:
        assert old in source
        source = source.replace(old, new)
    method = load_method(source, name)
    interpretation = run_interpret(method, target, corpus, Meter())
    return record(method, question, "q", batches or [np.arange(len(question.runs))], target, interpretation)


def matrices(target, module):
    """Return the feed-forward matrices of a model of the target's architecture, by block, as [outputs, inputs]."""
    names = MLP_MATRICES.get(module.config.model_type, GATED)
    mlps = [block.mlp for block in module.get_submodule(block_list(module)).children()]
    found = [[mlp.get_submodule(name) for name in names] for mlp in mlps]
    return [[(part, part.weight.data.T if names[0] == "c_fc" else part.weight.data) for part in each] for each in found]


def block_list(module):
    return {"gpt2": "transformer.h", "gpt_neox": "gpt_neox.layers"}.get(module.config.model_type, "model.layers")


def plain_values(question, module):
    """Read runs from Hugging Face's own logits, one plain forward a path."""
    values = []
    for run in question.runs:
        log_probs = []
        for path in run.paths:
            with torch.no_grad():
                log_probs.append(torch.log_softmax(module(torch.tensor([path.tokens])).logits[0], -1)[list(path.reads)])
        values.append(run.readout.value(run.tokens, log_probs))
    return np.array(values)


def seen_inputs(module, part, corpus):
    """Return what enters a part at every position of the corpus."""
    seen = []
    with part.register_forward_pre_hook(lambda _part, arguments: seen.append(arguments[0].flatten(0, -2))):
        for tokens in corpus.tokens:
            with torch.no_grad():
                module(torch.tensor([tokens]))
    return torch.cat(seen).double().numpy()


def corpus_streams(target, corpus, layer):
    """Return Hugging Face's hidden states at every position but the first, at a layer and before the final norm."""
    early, late = [], []
    norm_inputs = target.anatomy.final_norm.register_forward_pre_hook(
        lambda _norm, arguments: late.append(arguments[0][0, 1:])
    )
    with norm_inputs, torch.no_grad():
        for tokens in corpus.tokens:
            states = target.module(torch.tensor([tokens]), output_hidden_states=True).hidden_states
            early.append(states[layer][0, 1:])
    return torch.cat(early), torch.cat(late)


# -- replacing ---------------------------------------------------------------------------------------------------------


def test_replaced_modules_are_not_computed(target):
    tokens = torch.arange(12)[None]
    whole, part = Meter(), Meter()
    with whole:
        target.forward(tokens)
    with part, replacing(target, dict.fromkeys(target.anatomy.mlps, torch.zeros_like)):
        found = target.forward(tokens)
    saved = target.layers * 12 * 3 * 2 * target.width * target.module.config.intermediate_size
    assert whole.matmul_flops - part.matmul_flops == saved
    silent = copy.deepcopy(target.module)
    for block in silent.model.layers:
        block.mlp.down_proj.weight.data.zero_()
    with torch.no_grad():
        states = silent(tokens, output_hidden_states=True).hidden_states
    assert torch.allclose(silent.model.norm(found), states[-1], atol=1e-5)


def test_replaced_modules_come_back(target):
    tokens = torch.arange(12)[None]
    mlp = target.anatomy.mlps[1]
    before = target.forward(tokens)
    with pytest.raises(ZeroDivisionError), replacing(target, {mlp: torch.zeros_like}):
        raise ZeroDivisionError
    assert torch.equal(target.forward(tokens), before)
    with replacing(target, {mlp: torch.zeros_like}):
        once = target.forward(tokens)
        with replacing(target, {mlp: torch.ones_like}):
            twice = target.forward(tokens)
        assert torch.equal(target.forward(tokens), once)
    assert not torch.equal(once, twice)
    assert torch.equal(target.forward(tokens), before)


def test_hooks_of_replaced_modules_stay_in_force_and_skipped_blocks_stay_skipped(target):
    tokens = torch.arange(12)[None]
    mlp = target.anatomy.mlps[3]
    seen = []
    with mlp.register_forward_hook(lambda *call: seen.append(call[2])), replacing(target, {mlp: torch.zeros_like}):
        target.forward(tokens)
        assert len(seen) == 1
        assert not seen[0].any()
        with without_blocks(target, [3]):
            target.forward(tokens)
        assert len(seen) == 1


def test_a_module_of_another_model_is_refused(target):
    with pytest.raises(MethodError, match="modules of type Linear are to be replaced, but tiny-random lacks them"):
        replacing(target, {torch.nn.Linear(2, 2): torch.zeros_like}).__enter__()


# -- low_rank_forward --------------------------------------------------------------------------------------------------


def test_full_rank_is_exact(small):
    target, corpus = small
    for kind in ("parts switched on and off", "entropy and divergence"):
        question = sample_questions(target)[kind]
        found = recorded("low_rank_forward", question, target, corpus, FULL_RANK).batches[0].channels[:, 0]
        assert np.allclose(found, exact(question, target), atol=2e-3), kind


def test_full_rank_is_exact_where_an_intervention_leaves_the_matrices_alone(questions, target, run_method):
    question = questions["modified targets"]
    found = run_method("low_rank_forward", question, FULL_RANK)[:, 0]
    truth = exact(question, target)
    kinds = [None if run.intervention is None else run.intervention.kind for run in question.runs]
    seen = np.array([kind != "prune" for kind in kinds])
    assert np.allclose(found[seen], truth[seen], atol=2e-3)
    assert not np.allclose(found[~seen], truth[~seen], atol=2e-3)


def test_thin_matrices_are_the_plain_model_with_their_product(small):
    target, corpus = small
    tensors = learn("low_rank_forward", target, corpus)
    module = copy.deepcopy(target.module)
    number = 0
    for block in matrices(target, module):
        for _, weight in block:
            product = tensors[f"outward_{number}"].float() @ tensors[f"inward_{number}"].float()
            assert torch.linalg.matrix_rank(product) == target.width // 2
            assert product.shape == weight.shape
            weight.copy_(product)
            number += 1
    assert 2 * number == len(tensors)
    for kind in ("plain sequences", "one token substituted"):
        question = sample_questions(target)[kind]
        found = recorded("low_rank_forward", question, target, corpus).batches[0].channels[:, 0]
        assert np.allclose(found, plain_values(question, module), atol=2e-3)
        assert not np.allclose(found, exact(question, target), atol=0.1)


def test_thin_matrices_are_the_truncated_svd_under_scaled_inputs(small):
    """The input is scaled by the root of its second moments before the decomposition, and scaled back after it."""
    target, corpus = small
    tensors = learn("low_rank_forward", target, corpus, [FULL_RANK[1]])
    rank = target.width // 2
    for number, (part, weight) in enumerate(matrices(target, target.module)[1]):
        first = len(matrices(target, target.module)[1])
        inputs = seen_inputs(target.module, part, corpus)
        root = scipy.linalg.cholesky(inputs.T @ inputs / len(inputs), lower=True)
        left, values, right = np.linalg.svd(weight.double().numpy() @ root, full_matrices=False)
        truncated = (left[:, :rank] * values[:rank]) @ right[:rank] @ np.linalg.inv(root)
        found = (tensors[f"outward_{first + number}"] @ tensors[f"inward_{first + number}"]).double().numpy()

        def error(product, root=root, weight=weight):
            return np.linalg.norm((product - weight.double().numpy()) @ root)

        assert error(found) == pytest.approx(np.linalg.norm(values[rank:]), rel=1e-4)
        assert np.linalg.norm((found - truncated) @ root) < 1e-2 * error(found)
        left, values, right = np.linalg.svd(weight.double().numpy(), full_matrices=False)
        assert error((left[:, :rank] * values[:rank]) @ right[:rank]) > 1.01 * error(found)


def test_the_rank_is_the_largest_that_fits(target, corpus):
    sides = 4 * 3 * (64 + 160)
    tensors = learn("low_rank_forward", target, corpus, [("BYTES = 31 * 2**20", f"BYTES = {2 * sides * 12 + 100}")])
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert sum(tensor.numel() * 2 for tensor in tensors.values()) == 2 * sides * 12
    assert {min(tensor.shape) for tensor in tensors.values()} == {12}


def test_thin_matrices_save_flops(questions, target, corpus):
    question = questions["plain sequences"]
    exact_meter = Meter()
    with exact_meter:
        computed = target.run(question.runs).computed_tokens
        target.values(question.runs)
    both = 2 * computed * 4 * 3 * 2 * 64 * 160
    found = recorded("low_rank_forward", question, target, corpus, [("RANK = 0.5", "RANK = 0.125")])
    thin = computed * 4 * 3 * 2 * 8 * (64 + 160)
    with Meter() as meter:
        target.run(question.runs)
    rest = exact_meter.matmul_flops - meter.matmul_flops - both // 2
    assert found.matmul_flops == rest + thin


# -- pruned_forward ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL_QUESTIONS)
def test_keeping_all_neurons_is_exact_under_interventions_too(kind, questions, target, run_method):
    channels = run_method("pruned_forward", questions[kind], ALL_NEURONS)
    assert np.allclose(channels[:, 0], exact(questions[kind], target), atol=1e-3)


def test_keeping_all_neurons_is_exact(small):
    target, corpus = small
    for kind in ("probabilities of choices", "fine-tunes times probes"):
        question = sample_questions(target)[kind]
        found = recorded("pruned_forward", question, target, corpus, ALL_NEURONS).batches[0].channels[:, 0]
        assert np.allclose(found, exact(question, target), atol=1e-3), kind


def test_pruning_is_the_plain_model_with_silent_neurons(small):
    target, corpus = small
    tensors = learn("pruned_forward", target, corpus)
    module = copy.deepcopy(target.module)
    for number, block in enumerate(matrices(target, module)):
        _, weight = block[-1]
        inputs = seen_inputs(target.module, matrices(target, target.module)[number][-1][0], corpus)
        worth = (np.abs(inputs)[:, None] * np.linalg.norm(weight.numpy(), axis=0)).mean((0, 1))
        best = np.sort(np.argsort(worth)[len(worth) // 2 :])
        assert tensors[f"kept_{number}"].tolist() == best.tolist()
        weight[:, np.setdiff1d(np.arange(len(worth)), best)] = 0.0
    for kind in ("plain sequences", "one token substituted"):
        question = sample_questions(target)[kind]
        found = recorded("pruned_forward", question, target, corpus).batches[0].channels[:, 0]
        assert np.allclose(found, plain_values(question, module), atol=1e-3)
        assert not np.allclose(found, exact(question, target), atol=0.1)


def silenced(target, tensors):
    """Return a copy of the plain model in which the activations of all neurons but the kept ones are zero."""
    module = copy.deepcopy(target.module)
    for number, block in enumerate(module.model.layers):
        mask = torch.zeros(block.mlp.down_proj.in_features)
        mask[tensors[f"kept_{number}"]] = 1.0
        block.mlp.down_proj.register_forward_pre_hook(lambda _part, arguments, mask=mask: arguments[0] * mask)
    return module


def test_pruning_follows_a_fine_tune_of_the_matrices(questions, target, corpus, run_method):
    """The gradient step is the one that plain autograd takes on the model with silent neurons."""
    question = questions["fine-tunes times probes"]
    channels = run_method("pruned_forward", question)[:, 0]
    tensors = learn("pruned_forward", target, corpus)
    moved = []
    for row, run in enumerate(question.runs):
        if run.intervention is None:
            continue
        alone, module, tune = type(question)((run,), question.structure), silenced(target, tensors), run.intervention
        before = plain_values(alone, module)[0]
        weights = [weight for block in module.model.layers[2:] for weight in block.parameters() if weight.ndim == 2]
        module.requires_grad_(True)
        tokens = torch.tensor(tune.sequences)
        loss = torch.nn.functional.cross_entropy(module(tokens).logits[0, :-1], tokens[0, 1:])
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.data -= tune.rate * gradient
        after = plain_values(alone, module)[0]
        assert channels[row] == pytest.approx(after, abs=1e-3)
        moved.append(abs(after - before))
    assert max(moved) > 0.02


def test_pruning_follows_weights_set_to_zero(questions, target, corpus, run_method):
    """Rows are under the intervention, the reference they are compared with is not."""
    question = questions["modified targets"]
    channels = run_method("pruned_forward", question)[:, 0]
    plain = silenced(target, learn("pruned_forward", target, corpus))
    module = copy.deepcopy(plain)
    for weight in (weight for block in module.model.layers for weight in block.parameters() if weight.ndim == 2):
        size = weight.detach().abs()
        weight.data[size <= np.sort(size.flatten().numpy())[int(0.3 * weight.numel()) - 1]] = 0.0
    rows = [row for row, run in enumerate(question.runs) if getattr(run.intervention, "kind", "") == "prune"]
    assert rows
    for row in rows:
        run, log_probs = question.runs[row], []
        for path in run.paths:
            with torch.no_grad():
                logits = (plain if path.plain else module)(torch.tensor([path.tokens])).logits[0]
            log_probs.append(torch.log_softmax(logits[list(path.reads)], -1))
        assert channels[row] == pytest.approx(run.readout.value(run.tokens, log_probs), abs=2e-3)


def test_matrices_are_cut_once_a_question_and_pruning_saves_half_of_the_mlp(questions, target, corpus):
    question = questions["plain sequences"]
    rows = np.arange(len(question.runs))
    whole = recorded("pruned_forward", question, target, corpus)
    split = recorded("pruned_forward", question, target, corpus, batches=[rows[:2], rows[2:5], rows[5:]])
    cut = 4 * 4 * 3 * 64 * 80
    assert whole.prepare_flops == 0
    assert split.batches[0].flops > cut
    assert sum(flops for name, flops in split.by_op.items() if "index_select" in name) - cut < cut / 2
    with Meter() as meter:
        computed = target.run(question.runs).computed_tokens
    with Meter() as values:
        target.values(question.runs)
    assert whole.matmul_flops == values.matmul_flops - computed * 4 * 3 * 2 * 64 * 80
    assert meter.flops < values.flops


# -- early_exit_head ---------------------------------------------------------------------------------------------------


def test_the_head_is_scikit_learns_ridge_on_the_same_features(questions, target, corpus, run_method):
    question = questions["one part removed at a time"]
    x, y = (stream.double().numpy() for stream in corpus_streams(target, corpus, 2))
    tensors = learn("early_exit_head", target, corpus)
    mixtures = tensors["mixtures"].double().numpy()
    assert mixtures.shape == (64, 128)

    def features(stream):
        normal = (stream - x.mean(0)) / x.std(0, ddof=1)
        return np.hstack([normal, np.maximum(normal @ mixtures, 0.0)])

    seen = features(x)
    ridge = Ridge(alpha=0.01 * seen.var(0).mean() * len(seen), solver="cholesky").fit(seen, y)

    def lens(stream):
        return torch.from_numpy(ridge.predict(features(stream.double().numpy()))).float()

    channels = run_method("early_exit_head", question)[:, 0]
    assert np.allclose(channels, lens_values(question, target, 2, lens), atol=1e-3)
    linear = Ridge(alpha=0.01 * x.var(0).mean() * len(x)).fit(x, y)
    assert ((ridge.predict(seen) - y) ** 2).mean() < 0.9 * ((linear.predict(x) - y) ** 2).mean()


def test_an_exit_after_all_blocks_is_exact(small):
    target, corpus = small
    edits = [("DEPTH = 0.4", "DEPTH = 1.0"), ("RIDGE = 1e-2", "RIDGE = 1e-7")]
    question = sample_questions(target)["entropy and divergence"]
    found = recorded("early_exit_head", question, target, corpus, edits).batches[0].channels[:, 0]
    assert np.allclose(found, exact(question, target), atol=5e-3)


# -- sparse codes ------------------------------------------------------------------------------------------------------


def test_a_code_has_exactly_the_largest_features():
    generator = torch.Generator().manual_seed(0)
    code = SparseCode(*(torch.randn(shape, generator=generator) for shape in ((6, 20), (20,), (20, 5), (5,))))
    vectors = torch.randn(50, 6, generator=generator)
    features = code.encode(vectors, 4).numpy()
    dense = vectors.numpy() @ code.encoder.numpy() + code.threshold.numpy()
    assert ((features != 0).sum(1) == 4).all()
    for row, found in zip(dense, features, strict=True):
        largest = np.argsort(row)[-4:]
        assert np.allclose(found[largest], row[largest], atol=1e-5)
    expected = features @ code.decoder.numpy() + code.offset.numpy()
    assert np.allclose(code.decode(torch.from_numpy(features)), expected, atol=1e-5)
    assert all(torch.equal(tensor, SparseCode.of(code.tensors).tensors[name]) for name, tensor in code.tensors.items())


def loss(code, x, y, active):
    """Return the mean squared error in units of each component's variance."""
    wrong = (code.decode(code.encode(x, active)) - y).numpy()
    return ((wrong**2).mean(0) / y.numpy().var(0, ddof=1)).mean()


def test_a_code_with_every_feature_active_is_linear_regression():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 8, generator=generator) * torch.logspace(-2, 3, 8) + 5.0
    y = x @ torch.randn(8, 3, generator=generator) - 1.0
    torch.manual_seed(0)
    assert loss(fit_sparse_code(x, y, 16, 16, steps=0), x, y, 16) < 1e-3
    assert loss(fit_sparse_code(x, y, 16, 1, steps=0), x, y, 1) > 0.1


def test_training_finds_features_that_were_planted():
    """Vectors made of three of 24 directions in 12 dimensions, which no linear map of 12 components can undo."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(24, 12, generator=generator), dim=1)
    chosen = torch.rand(3000, 24, generator=generator).topk(3).indices
    weights = torch.zeros(3000, 24).scatter(1, chosen, 1.0 + torch.rand(3000, 3, generator=generator))
    x = weights @ directions
    losses = []
    for steps in (0, 1500):
        torch.manual_seed(0)
        losses.append(loss(fit_sparse_code(x, x, 48, 3, steps, rate=1e-2), x, x, 3))
    assert losses[1] < 0.5 * losses[0] < 0.5


@pytest.mark.parametrize("name", ["transcoder", "sparse_autoencoder"])
def test_training_lowers_the_loss_on_the_corpus(name, target, corpus):
    early, late = corpus_streams(target, corpus, 2)
    wanted = early if name == "sparse_autoencoder" else late - early
    losses = []
    for steps in (0, 300):
        tensors = learn(name, target, corpus, [("STEPS = 300", f"STEPS = {steps}")])
        losses.append(loss(SparseCode.of(tensors), early, wanted, 32))
    assert losses[1] < 0.8 * losses[0]
    assert losses[0] < 1.0


@pytest.mark.parametrize("name", ["transcoder", "sparse_autoencoder"])
def test_training_is_deterministic(name, target, corpus):
    once, again = (learn(name, target, corpus, FEW_STEPS) for _ in range(2))
    assert all(torch.equal(once[key], again[key]) for key in once)


def sparse(tensors, stream):
    """Encode by numpy's sorting."""
    dense = stream @ tensors["encoder"].numpy() + tensors["threshold"].numpy()
    smallest = np.argsort(dense, axis=1)[:, :-32]
    np.put_along_axis(dense, smallest, 0.0, axis=1)
    return dense


def test_the_transcoder_reads_the_stream_and_what_its_features_decode_to(questions, target, corpus, run_method):
    question = questions["plain sequences"]
    tensors = learn("transcoder", target, corpus, FEW_STEPS)

    def lens(stream):
        features = sparse(tensors, stream.numpy())
        return stream + torch.from_numpy(features @ tensors["decoder"].numpy() + tensors["offset"].numpy())

    for kind in PLAIN:
        found = run_method("transcoder", questions[kind], FEW_STEPS)[:, 0]
        assert np.allclose(found, lens_values(questions[kind], target, 2, lens), atol=1e-3), kind
    assert not np.allclose(run_method("transcoder", question)[:, 0], lens_values(question, target, 2), atol=0.1)


def test_a_transcoder_of_no_blocks_is_exact(small):
    target, corpus = small
    edits = [*FEW_STEPS, ("DEPTH = 0.5", "DEPTH = 1.0")]
    question = sample_questions(target)["probabilities of choices"]
    found = recorded("transcoder", question, target, corpus, edits).batches[0].channels[:, 0]
    assert np.allclose(found, exact(question, target), atol=1e-3)


def test_the_autoencoder_averages_features_of_hugging_faces_hidden_states(small):
    target, corpus = small
    question = sample_questions(target)["one part removed at a time"]
    tensors = learn("sparse_autoencoder", target, corpus, FEW_STEPS)
    early, _ = corpus_streams(target, corpus, 2)
    variance = sparse(tensors, early.numpy()).var(0)
    reported = tensors["reported"].numpy()
    assert sorted(reported) == sorted(np.argsort(variance)[-32:])
    found = recorded("sparse_autoencoder", question, target, corpus, FEW_STEPS).batches[0].channels
    assert found.shape == (len(question.runs), 32)
    for run, channels in zip(question.runs, found, strict=True):
        path = run.paths[0]
        with torch.no_grad():
            states = target.module(torch.tensor([path.tokens]), output_hidden_states=True).hidden_states[2][0]
        expected = sparse(tensors, states[list(path.reads)].numpy()).mean(0)[reported]
        assert np.allclose(channels, expected, atol=1e-3)
    assert found.std(0).max() > 1e-2
