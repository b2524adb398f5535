"""Influence methods against dense gradients of weights, finite differences, and dense Fisher matrices in numpy."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, LlamaConfig

from istar.flops.meter import Meter
from istar.methods import Scalar, gradient_factors, linear_maps, load_method, smooth_value
from istar.methods.contract import Interpretation, MethodError
from istar.methods.library import library_methods
from istar.methods.recorder import record, run_interpret
from istar.questions import (
    ChoiceProbability,
    Column,
    Entropy,
    FineTune,
    KLFrom,
    Path,
    PolicyCost,
    Prune,
    QuestionView,
    Run,
    SpanLogprob,
    SpanMargin,
    Structure,
)
from istar.targets import Corpus, wrap
from istar.targets.appliers import block_matrices
from istar.targets.tiny import byte_tokenizer, randomise

VOCABULARY = {"vocab_size": 258, "bos_token_id": 0, "eos_token_id": 1}
SHAPE = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2}
CONFIGURATIONS = {
    "gpt2": GPT2Config(**VOCABULARY, n_embd=16, n_inner=24, n_layer=3, n_head=2, n_positions=512),
    "gpt_neox": GPTNeoXConfig(**VOCABULARY, **SHAPE),
    "llama": LlamaConfig(**VOCABULARY, **SHAPE, num_key_value_heads=1, tie_word_embeddings=False),
}
METHODS = ("gradient_influence", "projected_influence", "ekfac_influence")
TOKENS, OTHER = (0, 40, 41, 42, 43, 44, 45), (0, 60, 61, 62, 43, 44)
RUNS = (
    Run(TOKENS, SpanLogprob(5)),
    Run(TOKENS, SpanMargin(5, (50, 51, 52))),
    Run(OTHER, Entropy()),
    Run(OTHER, ChoiceProbability(4, ((70, 71), (72,)))),
    Run(TOKENS, KLFrom(OTHER, last=2)),
    Run(TOKENS, PolicyCost(5, OTHER)),
)
TUNES = (
    FineTune((OTHER,), (2,), 2e-3),
    FineTune((TOKENS, OTHER, (0, 80, 81)), (3, 1, 2), 2e-3, depth=0.5),
    FineTune((OTHER,), (1,), 1e-3, steps=2, depth=0.4),
    FineTune((TOKENS,), (1,), 2e-3, depth=0.9),
)


@pytest.fixture(scope="module", params=sorted(CONFIGURATIONS))
def small(request):
    with torch.random.fork_rng(devices=[]):
        module = AutoModelForCausalLM.from_config(CONFIGURATIONS[request.param], attn_implementation="sdpa")
    return wrap(randomise(module, seed=5), byte_tokenizer(), request.param, request.param)


@pytest.fixture(scope="module")
def texts():
    """Return a corpus of random tokens."""
    generator = np.random.default_rng(0)
    tokens = tuple((0, *generator.integers(2, 258, 19).tolist()) for _ in range(10))
    return Corpus(("",) * len(tokens), tokens)


def question_of(tunes, runs=RUNS):
    rows = [Run(run.tokens, run.readout, tune) for tune in (None, *tunes) for run in runs]
    arms = tuple(float(row // len(runs)) for row in range(len(rows)))
    return QuestionView(tuple(rows), Structure((Column("tune", "arm", arms),)))


def loaded(name, edits=()):
    source = library_methods()[name].read_text()
    for old, new in edits:
        assert old in source
        source = source.replace(old, new)
    return load_method(source, name)


def channels(name, question, target, edits=(), texts=None):
    method = loaded(name, edits)
    interpretation = Interpretation() if texts is None else run_interpret(method, target, texts, Meter())
    rows = [np.arange(len(question.runs))[half::2] for half in (0, 1)]
    batches = record(method, question, "q", rows, target, interpretation).batches
    found = np.empty((len(question.runs), 2))
    for batch in batches:
        found[batch.rows] = batch.channels
    return found


def dense(target, paths, read):
    """Return a scalar, and of each matrix its gradient, all inputs and all output gradients: backward on weights."""
    weights = block_matrices(target)
    seen = {name: [] for name in weights}

    def see(name):
        def hook(_module, arguments, output):
            output.retain_grad()
            seen[name].append((arguments[0][0].detach(), output))

        return hook

    for weight in weights.values():
        weight.requires_grad_(True)
    try:
        log_probs = []
        for path in paths:
            handles = (
                []
                if path.plain
                else [
                    target.module.get_submodule(name.removesuffix(".weight")).register_forward_hook(see(name))
                    for name in weights
                ]
            )
            with torch.set_grad_enabled(not path.plain):
                logits = target.module(torch.tensor([path.tokens]), use_cache=False).logits[0]
            log_probs.append(torch.log_softmax(logits[list(path.reads)], -1))
            for handle in handles:
                handle.remove()
        value = read(log_probs)
        value.backward()
        gradients = {
            name: (weight.grad.T if is_transposed(target, name) else weight.grad).double().numpy()
            for name, weight in weights.items()
        }
        inputs = {name: torch.cat([x for x, _ in found]).double().numpy() for name, found in seen.items()}
        outputs = {name: torch.cat([y.grad[0] for _, y in found]).double().numpy() for name, found in seen.items()}
    finally:
        for weight in weights.values():
            weight.requires_grad_(False)
            weight.grad = None
    return float(value.detach()), gradients, inputs, outputs


def is_transposed(target, name):
    return type(target.module.get_submodule(name.removesuffix(".weight"))).__name__ == "Conv1D"


def dense_value(target, run):
    return dense(target, run.paths, lambda log_probs: smooth_value(run, log_probs))


def dense_loss(target, tune):
    paths = [
        Path(tokens[:-1], tuple(range(start - 1, len(tokens) - 1)))
        for tokens, start in zip(tune.sequences, tune.starts, strict=True)
    ]

    def read(log_probs):
        return sum(
            torch.nn.functional.nll_loss(found, torch.tensor(tokens[start:]))
            for found, tokens, start in zip(log_probs, tune.sequences, tune.starts, strict=True)
        ) / len(paths)

    return dense(target, paths, read)


def first_order(question, target, names=lambda tune, target: block_matrices(target, tune.depth)):
    """Return each row's value after and before its step, from dense gradients of the matrices of these names."""
    losses = {tune: dense_loss(target, tune)[1] for tune in {run.intervention for run in question.runs} - {None}}
    rows = []
    for run in question.runs:
        value, gradients, _, _ = dense_value(target, run)
        change, tune = 0.0, run.intervention
        if tune is not None:
            change = sum((losses[tune][name] * gradients[name]).sum() for name in names(tune, target))
            change *= -tune.rate * tune.steps
        rows.append((value + change, value))
    return np.array(rows)


@pytest.mark.parametrize("depth", [0.0, 0.5])
def test_factors_are_the_gradients_of_the_weights(depth, small):
    wanted = (*RUNS, *TUNES)
    names = [name.removesuffix(".weight") for name in block_matrices(small, depth)]
    assert list(linear_maps(small, depth)) == names
    for each, factors in gradient_factors(small, wanted, depth):
        reference = dense_value(small, each) if isinstance(each, Run) else dense_loss(small, each)
        assert factors.value == pytest.approx(reference[0], abs=1e-4)
        assert list(factors.inputs) == list(factors.outputs) == names
        for name in names:
            found = (factors.outputs[name].T @ factors.inputs[name]).numpy()
            expected = reference[1][f"{name}.weight"]
            assert np.allclose(found, expected, atol=1e-4 * max(1.0, np.abs(expected).max())), (each, name)


def test_factors_can_be_had_where_gradients_are_off_and_leave_no_trace(small):
    run = RUNS[1]
    with torch.no_grad():
        ((_, quiet),) = gradient_factors(small, [run])
    ((_, loud),) = gradient_factors(small, [run])
    for name in linear_maps(small):
        assert torch.equal(quiet.outputs[name], loud.outputs[name])
        assert not quiet.inputs[name].requires_grad
    assert not any(weight.requires_grad or weight.grad is not None for weight in small.module.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in small.module.modules())


def test_shared_beginnings_pass_the_lower_blocks_once(small):
    opening = tuple(range(100, 140))
    runs = [Run((0, *opening, last, last + 1), SpanLogprob(42)) for last in (60, 70, 80)]

    def cost(wanted, depth):
        meter = Meter()
        with meter:
            list(gradient_factors(small, wanted, depth))
        return meter.matmul_flops

    alone, together = cost(runs[:1], 0.5), cost(runs, 0.5)
    assert together < 0.93 * 3 * alone
    assert cost(runs, 0.0) == pytest.approx(3 * cost(runs[:1], 0.0), rel=0.01)


def test_what_has_no_gradient_is_refused(small):
    with pytest.raises(MethodError, match="a str has no gradient; give runs, fine-tunes or scalars"):
        list(gradient_factors(small, ["run"]))


def test_gradient_influence_is_the_dot_product_of_dense_gradients(small):
    question = question_of(TUNES)
    expected = first_order(question, small)
    found = channels("gradient_influence", question, small)
    assert np.allclose(found[:, 1], expected[:, 1], atol=1e-4)
    change = (expected - expected[:, 1:])[:, 0]
    assert np.abs(change[len(RUNS) :]).min() > 1e-7
    assert np.allclose(found[:, 0] - found[:, 1], change, atol=2e-5, rtol=1e-3)
    assert (found[: len(RUNS), 0] == found[: len(RUNS), 1]).all()
    values = [small.slow_value(run) for run in question.runs[: len(RUNS)]]
    assert np.allclose(found[: len(RUNS), 0], values, atol=1e-4)


def test_gradient_influence_is_the_slope_of_the_actual_change(small):
    """Half the difference between a step and the opposite step, which the second order does not enter."""
    question = question_of(TUNES)
    found = channels("gradient_influence", question, small)
    for row in range(len(RUNS), len(question.runs)):
        run = question.runs[row]
        if run.readout.kind == "policy_cost":  # has a kink
            continue
        tune = run.intervention
        there, back = (
            small.slow_value(
                Run(run.tokens, run.readout, FineTune(tune.sequences, tune.starts, rate, tune.steps, tune.depth))
            )
            for rate in (0.1 * tune.rate, -0.1 * tune.rate)
        )
        change = 0.1 * (found[row, 0] - found[row, 1])
        assert change == pytest.approx((there - back) / 2, rel=0.02, abs=1e-5), run
    changes = (found[:, 0] - found[:, 1])[len(RUNS) :]
    assert np.abs(changes).max() > 1e-2


def test_the_tiny_target_agrees_with_its_actual_change(questions, run_method, target):
    question = questions["fine-tunes times probes"]
    actual = np.array([target.slow_value(run) for run in question.runs])
    found = run_method("gradient_influence", question)
    changes = actual - np.tile(actual[:2], 4)
    assert np.allclose(found[:, 0] - found[:, 1], changes, atol=1e-3)
    assert np.abs(changes).max() > 0.04


def test_a_projection_that_loses_no_dimension_is_exact(small):
    question = question_of(TUNES)
    exact = channels("gradient_influence", question, small)
    whole = channels("projected_influence", question, small, [("RANK = 32", "RANK = 1000")])
    assert np.allclose(whole, exact, atol=2e-4)
    part = channels("projected_influence", question, small, [("RANK = 32", "RANK = 4")])
    assert np.allclose(part[:, 1], exact[:, 1])
    assert np.abs(part[:, 0] - exact[:, 0]).max() > 2e-3


def test_projections_are_right_on_average_and_err_less_the_larger_they_are(small):
    tune, run = TUNES[0], RUNS[0]
    question = question_of([tune], [run])
    factors = dict(gradient_factors(small, [tune, run]))
    exact = sum(
        (dense_loss(small, tune)[1][name] * gradient).sum() for name, gradient in dense_value(small, run)[1].items()
    )
    spread = []
    for rank in (3, 8):
        method = loaded("projected_influence", [("RANK = 32", f"RANK = {rank}")])
        found = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(rank)
            for _ in range(300):
                prepared = method.prepare(question, small, Interpretation())
                kept = prepared.keep(factors[tune]), [prepared.keep(factors[run])]
                found.append(float(prepared.products(tune, *kept)[0]))
        spread.append(np.std(found))
        assert abs(np.mean(found) - exact) < 4 * spread[-1] / np.sqrt(len(found))
        assert spread[-1] / np.sqrt(len(found)) < 0.2 * abs(exact)
    assert spread[1] < 0.6 * spread[0]


def test_a_projected_pair_costs_one_short_dot_product(target, questions):
    question = questions["fine-tunes times probes"]
    method = loaded("projected_influence", [("RANK = 32", "RANK = 4")])
    prepared = method.prepare(question, target, Interpretation())
    method.predict(question, question.runs, target, Interpretation(), prepared)
    meter = Meter()
    with meter:
        method.predict(question, question.runs, target, Interpretation(), prepared)
    tuned = [run for run in question.runs if run.intervention is not None]
    assert {"mm", "bmm", "addmm"}.isdisjoint(meter.by_op)
    assert meter.flops <= len(tuned) * (2 * 16 * 14 + 20)


def sampled(target, tokens):
    """Return the dense gradient of the loss on labels drawn from the model, with the random numbers of the method."""

    def read(log_probs):
        labels = torch.multinomial(log_probs[0].detach().exp(), 1)
        return -log_probs[0].gather(-1, labels).sum()

    return dense(target, [Path(tokens, tuple(range(len(tokens))))], read)


def dense_metrics(target, texts, depth, rank, damping):
    """Return, for each matrix, the dense damped inverse of EK-FAC, the exact Fisher matrix, and K-FAC."""
    examples = [sampled(target, tokens) for tokens in texts.tokens]
    names = list(block_matrices(target, depth))
    fishers, approximations, kronecker = {}, {}, {}
    for name in names:
        vectors = np.stack([gradients[name].ravel() for _, gradients, _, _ in examples])
        fishers[name] = fisher = vectors.T @ vectors / len(vectors)
        bases, kept, moments = [], [], []
        for place in (3, 2):  # outputs, then inputs: the order of a matrix's rows and columns
            rows = np.concatenate([example[place][name] for example in examples])
            moments.append(rows.T @ rows)
            bases.append(np.linalg.eigh(moments[-1])[1])
            kept.append(np.arange(rows.shape[1]) >= rows.shape[1] - rank)
        basis, leading = np.kron(*bases), np.kron(*kept).astype(bool)
        along = np.einsum("ij,ik,kj->j", basis, fisher, basis)
        along[~leading] = along[~leading].mean() if (~leading).any() else 0.0
        approximations[name] = (basis, along)
        kronecker[name] = np.kron(*moments) / len(rows) / len(examples)
    mean = sum(np.trace(each) for each in fishers.values()) / sum(len(each) for each in fishers.values())
    metrics = {
        name: (1 + damping) * mean * np.linalg.inv((basis * along) @ basis.T + damping * mean * np.eye(len(basis)))
        for name, (basis, along) in approximations.items()
    }
    return metrics, fishers, kronecker


@pytest.mark.parametrize("rank", [64, 5])
def test_ekfac_influence_is_the_dense_computation(rank, small, texts):
    """With whole bases, and with the leading eigenvectors alone and the mean of the curvature along the others."""
    edits = [("RANK = 64", f"RANK = {rank}"), ("DAMPING = 0.1", "DAMPING = 0.3"), ("DEPTH = 0.9", "DEPTH = 0.5")]
    method = loaded("ekfac_influence", edits)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        learned = method.interpret(small, texts)
        torch.manual_seed(11)
        metrics, _, _ = dense_metrics(small, texts, 0.5, rank, 0.3)
    question = question_of(TUNES, RUNS[:4])
    prepared = method.prepare(question, small, learned)
    found = method.predict(question, question.runs, small, learned, prepared).double().numpy()
    for row, run in enumerate(question.runs):
        if run.intervention is None:
            assert found[row, 0] == found[row, 1]
            continue
        loss, value = dense_loss(small, run.intervention)[1], dense_value(small, run)[1]
        changed = block_matrices(small, max(run.intervention.depth, 0.5))
        product = sum(loss[name].ravel() @ metrics[name] @ value[name].ravel() for name in changed)
        plain = sum((loss[name] * value[name]).sum() for name in changed)
        length = run.intervention.rate * run.intervention.steps
        assert found[row, 0] - found[row, 1] == pytest.approx(-length * product, rel=2e-2, abs=1e-4)
        assert abs(product - plain) > 0.05 * abs(plain)


def test_the_curvature_is_the_exact_fishers_along_the_eigenvectors(small, texts):
    """So no eigenvalues in this basis come closer to the Fisher matrix, and K-FAC's do not come as close."""
    method = loaded("ekfac_influence", [("DEPTH = 0.9", "DEPTH = 0.5")])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        learned = method.interpret(small, texts)
        torch.manual_seed(3)
        _, fishers, kronecker = dense_metrics(small, texts, 0.5, 64, 0.1)
    mean = sum(np.trace(each) for each in fishers.values()) / sum(len(each) for each in fishers.values())
    for name, fisher in fishers.items():
        part = name.removesuffix(".weight")
        before, after, extra = (
            learned.tensors[f"{part}.{end}"].double().numpy() for end in ("before", "after", "extra")
        )
        curvature = 1.1 * mean / (extra + learned.data[part]) - 0.1 * mean
        basis = np.kron(after, before)
        exact = np.einsum("ij,ik,kj->j", basis, fisher, basis)
        assert np.allclose(curvature.ravel(), exact, rtol=1e-2, atol=1e-3 * mean)
        assert np.allclose(basis.T @ basis, np.eye(len(basis)), atol=1e-4)
        corrected = (basis * curvature.ravel()) @ basis.T
        assert np.linalg.norm(corrected - fisher) < np.linalg.norm(kronecker[name] - fisher)


def test_large_damping_leaves_the_plain_product_on_late_matrices(small, texts):
    question = question_of(TUNES)
    edits = [("DAMPING = 0.1", "DAMPING = 1e9"), ("RANK = 64", "RANK = 6")]
    whole = channels("ekfac_influence", question, small, [*edits, ("DEPTH = 0.9", "DEPTH = 0.0")], texts)
    assert np.allclose(whole, channels("gradient_influence", question, small), atol=1e-4)
    late = channels("ekfac_influence", question, small, edits, texts)
    expected = first_order(question, small, lambda tune, target: block_matrices(target, max(tune.depth, 0.9)))
    assert np.allclose(late, expected, atol=1e-4)
    assert np.abs(late - whole).max() > 1e-3


@pytest.mark.parametrize("name", METHODS)
def test_questions_without_fine_tunes_or_with_other_changes_get_no_channel(name, target, questions):
    method = loaded(name)
    mixed = QuestionView(
        (RUNS[0], Run(TOKENS, SpanLogprob(5), TUNES[0]), Run(TOKENS, SpanLogprob(5), Prune(0.1))),
        Structure((Column("change", "arm", (0.0, 1.0, 2.0)),)),
    )
    for question in (questions["plain sequences"], questions["modified targets"], mixed):
        meter = Meter()
        with meter:
            prepared = method.prepare(question, target, Interpretation())
            found = method.predict(question, question.runs, target, Interpretation(), prepared)
        assert found.shape == (len(question.runs), 0)
        assert meter.flops == 0


@pytest.mark.parametrize("name", METHODS)
def test_pairs_met_again_cost_no_pass(name, target, questions, corpus):
    question = questions["fine-tunes times probes"]
    method = loaded(name)
    learned = method.interpret(target, corpus)
    prepared = method.prepare(question, target, learned)
    first, second = Meter(), Meter()
    with first:
        before = method.predict(question, question.runs, target, learned, prepared)
    with second:
        again = method.predict(question, question.runs, target, learned, prepared)
    assert torch.equal(before, again)
    assert second.flops < 0.2 * first.flops


def test_a_scalar_of_ones_own_is_differentiated(small):
    scalar = Scalar((Path(TOKENS, (3, 5)),), lambda log_probs: log_probs[0][:, 7].sum() ** 2)
    ((_, factors),) = gradient_factors(small, [scalar])
    value, gradients, _, _ = dense(small, scalar.paths, scalar.read)
    assert factors.value == pytest.approx(value, rel=1e-5)
    for name in linear_maps(small):
        found = (factors.outputs[name].T @ factors.inputs[name]).numpy()
        assert np.allclose(found, gradients[f"{name}.weight"], rtol=1e-3, atol=1e-2)
