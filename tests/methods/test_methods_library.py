"""The library against independent references: Hugging Face's own outputs, scikit-learn, closed forms, exact values."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from istar.methods import (
    SharedContexts,
    align,
    asked_tokens,
    check_source,
    load_method,
    renumbered,
    smooth_value,
    without_blocks,
)
from istar.methods.check import check_method
from istar.methods.contract import MethodError
from istar.methods.library import library_methods
from istar.questions import KLFrom, Run, SpanLogprob

NAMES = sorted(library_methods())
ALL_QUESTIONS = (
    "parts switched on and off",
    "one part removed at a time",
    "prompts times examples",
    "plain sequences",
    "entropy and divergence",
    "one token substituted",
    "probabilities of choices",
    "fine-tunes times probes",
    "modified targets",
    "words on a modified target",
    "one part changed at a time",
)
SHARED = ALL_QUESTIONS[:2]
PLAIN = ALL_QUESTIONS[:-4]
"""Those whose rows run on the target as it is."""
TUNED = ("fine-tunes times probes",)
AUDITED = ("words on a modified target",)
CHANGED = ("one part changed at a time",)
SCORED = tuple(kind for kind in ALL_QUESTIONS if kind != "entropy and divergence")
"""Those whose rows score tokens."""
SPEAKS_OF = {
    "activation_difference": AUDITED,
    "answer_logits": SCORED,
    "attention_gates": SHARED,
    "attention_knockout": SHARED,
    "attribution_patching": ("one token substituted",),
    "component_effects": CHANGED,
    "component_patching": CHANGED,
    "direct_logit_attribution": SHARED,
    "ekfac_influence": TUNED,
    "gaussian_logit_difference": SCORED,
    "gradient_activation": SHARED,
    "gradient_influence": TUNED,
    "integrated_gradients": SHARED,
    "ngram": tuple(kind for kind in SCORED if kind != "modified targets"),
    "projected_influence": TUNED,
    "quadratic_logit_decomposition": SCORED,
    "short_context": tuple(kind for kind in SCORED if kind not in ("plain sequences", *TUNED)),
    "stitched_cache": ("one token substituted",),
}
"""The kinds of rows for which a method has a channel, where these are not all."""


def lens_values(question, target, layer, lens=None):
    """Read runs from Hugging Face's hidden states, one plain forward a path."""
    values = []
    for run in question.runs:
        log_probs = []
        for path in run.paths:
            with torch.no_grad():
                states = target.module(torch.tensor([path.tokens]), output_hidden_states=True).hidden_states
                stream = states[layer][0]
                normal = stream if lens is None else lens(stream)
                logits = target.module.lm_head(target.module.model.norm(normal))
            log_probs.append(torch.log_softmax(logits, -1)[list(path.reads)])
        values.append(run.readout.value(run.tokens, log_probs))
    return np.array(values)


def exact(question, target):
    return np.array([target.slow_value(run) for run in question.runs])


def test_the_library_is_what_the_design_names():
    assert {
        "logit_lens",
        "tuned_lens",
        "attention_knockout",
        "integrated_gradients",
        "layer_skipping",
        "behavioural_student",
        "noise",
    } <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_methods_pass_the_fence_name_their_source_and_run_on_every_kind_of_row(name, target):
    path = library_methods()[name]
    assert check_source(path.read_text()) == ()
    assert "Source:" in path.read_text() or name == "noise"
    assert len(path.read_text().splitlines()) < 140
    report = check_method(path, target)
    assert report.errors == ()
    assert [check.question for check in report.questions] == list(ALL_QUESTIONS)
    for check in report.questions:
        assert (check.channels > 0) == (check.question in SPEAKS_OF.get(name, ALL_QUESTIONS))


@pytest.mark.parametrize("kind", PLAIN)
def test_the_logit_lens_reads_hugging_faces_hidden_states(kind, questions, target, run_method):
    channels = run_method("logit_lens", questions[kind], [("DEPTH = 0.87", "DEPTH = 0.5")])
    assert np.allclose(channels[:, 0], lens_values(questions[kind], target, 2), atol=1e-4)


def test_the_tuned_lens_is_scikit_learns_ridge(questions, target, corpus, run_method):
    question = questions["one part removed at a time"]
    early, late = [], []
    for tokens in corpus.tokens:
        with torch.no_grad():
            states = target.module(torch.tensor([tokens]), output_hidden_states=True)
            early.append(states.hidden_states[2][0, 1:])
            late.append(target.forward(torch.tensor([tokens]))[0, 1:])
    x, y = torch.cat(early).double().numpy(), torch.cat(late).double().numpy()
    penalty = 0.01 * ((x - x.mean(0)) ** 2).sum(0).mean()
    ridge = Ridge(alpha=penalty, solver="cholesky").fit(x, y)

    def lens(stream):
        return torch.from_numpy(ridge.predict(stream.double().numpy())).float()

    expected = lens_values(question, target, 2, lens)
    channels = run_method("tuned_lens", question, [("DEPTH = 0.6", "DEPTH = 0.5")])
    assert np.allclose(channels[:, 0], expected, atol=1e-3)
    assert not np.allclose(channels[:, 0], lens_values(question, target, 2), atol=0.1)


def test_the_reduced_vocabulary_is_the_tuned_lens_when_nothing_is_left_out(questions, run_method):
    for kind in PLAIN:
        channels = run_method("reduced_vocabulary", questions[kind])
        assert np.allclose(channels, run_method("tuned_lens", questions[kind]), atol=1e-3), kind


def test_a_reduced_vocabulary_shifts_log_probabilities_by_what_it_leaves_out(questions, target, run_method):
    question = questions["parts switched on and off"]
    few = run_method("reduced_vocabulary", question, [("FREQUENT = 1024", "FREQUENT = 40")])
    whole = run_method("tuned_lens", question)
    assert (few >= whole - 1e-4).all()
    assert np.corrcoef(few[:, 0], whole[:, 0])[0, 1] > 0.8


@pytest.mark.parametrize("kind", ALL_QUESTIONS)
def test_skipping_no_block_is_exact(kind, questions, target, run_method):
    channels = run_method("layer_skipping", questions[kind], [("SHARE = 0.2", "SHARE = 0.0")])
    assert np.allclose(channels[:, 0], exact(questions[kind], target), atol=1e-3)


def test_skipping_all_blocks_reads_the_embeddings(questions, target, run_method):
    question = questions["one part removed at a time"]
    edits = [("SHARE = 0.2", "SHARE = 1.0"), ("FIRST = 0.4", "FIRST = 0.0")]
    assert np.allclose(run_method("layer_skipping", question, edits)[:, 0], lens_values(question, target, 0), atol=1e-4)


def test_skipped_blocks_are_not_computed_and_come_back(target):
    from istar.flops.meter import Meter

    tokens = torch.arange(12)[None]
    whole, part = Meter(), Meter()
    with whole:
        before = target.forward(tokens)
    with part, without_blocks(target, [1, 2]):
        target.forward(tokens)
    assert part.matmul_flops * 2 == whole.matmul_flops
    assert torch.equal(target.forward(tokens), before)
    with pytest.raises(ZeroDivisionError), without_blocks(target, [0]):
        raise ZeroDivisionError
    assert torch.equal(target.forward(tokens), before)
    with pytest.raises(MethodError, match=r"blocks \[2, 9\] are to be skipped, but tiny-random has blocks 0 to 3"):
        without_blocks(target, [9, 2]).__enter__()


@pytest.mark.parametrize("kind", SHARED)
def test_knockout_is_exact_on_rows_that_lack_nothing(kind, questions, target, run_method):
    question = questions[kind]
    channels = run_method("attention_knockout", question)[:, 0]
    alignment = align(question)
    whole = [
        row
        for row, run in enumerate(question.runs)
        if all(len(place.kept) == len(alignment.contexts[place.context]) for place in alignment.of(run))
    ]
    truth = exact(question, target)
    assert len(whole) >= 2
    assert np.allclose(channels[whole], truth[whole], atol=1e-3)
    others = np.setdiff1d(np.arange(len(truth)), whole)
    assert not np.allclose(channels[others], truth[others], atol=1e-2)


def test_knockout_is_the_plain_model_under_an_attention_mask(questions, target, run_method):
    """One forward over the whole context and the query, in which the query does not see the removed tokens."""
    question = questions["one part removed at a time"]
    channels = run_method("attention_knockout", question)[:, 0]
    alignment = align(question)
    for row in (2, 5, 11):
        run, log_probs = question.runs[row], []
        for place in alignment.of(run):
            tokens = [*alignment.contexts[place.context], *place.query]
            sees = torch.ones(len(tokens), len(tokens)).tril().bool()
            removed = sorted(set(range(len(tokens) - len(place.query))) - set(place.kept))
            sees[len(tokens) - len(place.query) :, removed] = False
            with torch.no_grad():
                logits = target.module(torch.tensor([tokens]), attention_mask=sees[None, None]).logits[0]
            reads = [len(tokens) - len(place.query) + read for read in place.reads]
            log_probs.append(torch.log_softmax(logits[reads], -1))
        assert channels[row] == pytest.approx(run.readout.value(run.tokens, log_probs), abs=1e-3)


@pytest.mark.parametrize("kind", SHARED)
def test_integrated_gradients_are_complete(kind, questions, target, corpus, run_method):
    """Whole rows have their exact value; attributions sum to its difference from the value at the baseline."""
    question = questions[kind]
    source = library_methods()["integrated_gradients"].read_text().replace("STEPS = 2", "STEPS = 40")
    method = load_method(source)
    alignment = align(question)
    run = max(question.runs, key=lambda run: len(run.tokens))
    places = alignment.of(run)
    context = alignment.contexts[places[0].context]
    mean = method.interpret(target, corpus).tensors["mean"]
    whole, worth = method.predict.__globals__["attribute"](run, places, alignment, target, mean)
    layer = round(0.3 * target.layers)
    log_probs = []
    for place in places:
        tokens = torch.tensor([[*context, *place.query]])

        def replace(module, arguments, keywords):
            stream = arguments[0].clone()
            stream[:, : len(context)] = mean
            return (stream, *arguments[1:]), keywords

        with torch.no_grad(), target.anatomy.blocks[layer].register_forward_pre_hook(replace, with_kwargs=True):
            logits = target.module(tokens).logits[0]
        log_probs.append(torch.log_softmax(logits[[len(context) + read for read in place.reads]], -1))
    baseline = run.readout.value(run.tokens, log_probs)
    assert float(whole) == pytest.approx(target.slow_value(run), abs=1e-3)
    assert float(worth.sum()) == pytest.approx(float(whole) - baseline, abs=0.05)
    channels = run_method("integrated_gradients", question)
    assert channels[question.runs.index(run), 0] == pytest.approx(target.slow_value(run), abs=1e-3)


def test_gradients_with_respect_to_gates_are_finite_differences(questions, target):
    question = questions["parts switched on and off"]
    alignment = align(question)
    shared = SharedContexts(target, alignment)
    run = question.runs[-1]
    (place,) = alignment.of(run)
    length = len(alignment.contexts[0])

    def value(gates):
        stream = shared.attend(0, gates, [[place.query]])[0][0]
        return smooth_value(run, [shared.log_probs(stream[list(place.reads)])])

    gates = torch.full((1, length), 0.5)
    gates.requires_grad_()
    (gradient,) = torch.autograd.grad(value(gates), gates)
    for position in (3, 10, length - 1):
        step = torch.zeros(1, length)
        step[0, position] = 1e-2
        with torch.no_grad():
            slope = float(value(gates + step) - value(gates - step)) / 2e-2
        assert float(gradient[0, position]) == pytest.approx(slope, abs=2e-3, rel=0.05)


def test_attention_gates_are_linear_in_what_rows_keep(questions, run_method):
    """The channel is additive over parts for each query: its interaction contrasts vanish."""
    question = questions["parts switched on and off"]
    channels = run_method("attention_gates", question)[:, 0]
    switches = np.stack([column.array for column in question.structure.of("switch")], axis=1)
    query = question.structure.levels("query")
    for number in (0, 1):
        rows = query == number
        design = np.column_stack([np.ones(rows.sum()), switches[rows]])
        _, residual, rank, _ = np.linalg.lstsq(design, channels[rows], rcond=None)
        assert rank == 5
        assert residual.sum() < 1e-6
        assert channels[rows].std() > 1e-3


def test_queries_attended_together_do_not_see_one_another(questions, target):
    question = questions["parts switched on and off"]
    alignment = align(question)
    shared = SharedContexts(target, alignment)
    together = shared.run(question.runs)
    for run in (question.runs[0], question.runs[13]):
        alone = SharedContexts(target, alignment).run([run])
        for node, stream in alone.items():
            assert torch.allclose(stream, together[node], atol=1e-4)


def test_the_student_learns_the_targets_behaviour_from_outputs_alone(target, corpus, run_method, questions):
    """On the corpus it was distilled from, the student's values follow the target's."""
    from istar.questions import Column, QuestionView, SpanLoss, Structure

    runs = tuple(Run(tokens[at : at + 20], SpanLoss(1)) for tokens in corpus.tokens for at in (0, 10))
    runs = tuple(Run((target.bos, *run.tokens[1:]), run.readout) for run in runs)
    column = Column("sequence", "nuisance", tuple(float(row) for row in range(len(runs))))
    question = QuestionView(runs, Structure((column,)))
    channels = run_method("behavioural_student", question)[:, 0]
    assert np.corrcoef(channels, exact(question, target))[0, 1] > 0.5


def test_the_student_reads_no_weight_and_no_activation_when_it_predicts(questions, target, run_method):
    source = library_methods()["behavioural_student"].read_text()
    body = source[source.index("def predict") :]
    assert "target." not in body


def test_noise_is_standard_normal_and_differs_from_question_to_question(questions, run_method):
    question = questions["parts switched on and off"]
    numbers = run_method("noise", question, [("CHANNELS = 1", "CHANNELS = 50")])
    assert abs(numbers.mean()) < 0.1
    assert abs(numbers.std() - 1) < 0.1


def test_a_run_is_read_off_a_part_of_the_vocabulary(questions, target):
    """Renumbered, and given the log-probabilities of the tokens asked about alone, a run keeps its value."""
    for run in (run for kind in PLAIN for run in questions[kind].runs):
        asked = sorted(set(asked_tokens(run)))
        if run.readout.kind in ("entropy", "kl_from", "greedy_correct", "policy_cost"):
            continue
        log_probs = []
        for path in run.paths:
            with torch.no_grad():
                logits = target.module(torch.tensor([path.tokens])).logits[0]
            log_probs.append(torch.log_softmax(logits[list(path.reads)], -1))
        there = renumbered(run, {token: place for place, token in enumerate(asked)})
        found = there.readout.value(there.tokens, [each[:, asked] for each in log_probs])
        assert found == run.readout.value(run.tokens, log_probs)


@pytest.mark.parametrize("kind", ALL_QUESTIONS)
def test_smooth_values_equal_readouts(kind, questions, target):
    for run in questions[kind].runs[:6]:
        log_probs = []
        for path in run.paths:
            with torch.no_grad():
                logits = target.module(torch.tensor([path.tokens])).logits[0]
            log_probs.append(torch.log_softmax(logits[list(path.reads)], -1))
        smooth = float(smooth_value(run, log_probs))
        if run.readout.kind == "greedy_correct":
            same = Run(run.tokens, SpanLogprob(run.readout.start))
            assert smooth == pytest.approx(same.readout.value(run.tokens, log_probs), abs=1e-5)
        else:
            assert smooth == pytest.approx(run.readout.value(run.tokens, log_probs), abs=1e-4)


def test_a_readout_without_a_smooth_form_is_refused(target):
    class Strange(KLFrom):
        pass

    run = Run((0, 5, 6), Strange((0, 5, 6)))
    assert smooth_value(run, [torch.zeros(1, 2), torch.zeros(1, 2)]).shape == ()

    class Other:
        kind = "other"

    with pytest.raises(MethodError, match=r"'other' has no smooth form; read it with `run\.readout\.value`"):
        smooth_value(Run((0, 5), Other()), [])
