"""What a method returns is checked, what it spends is counted, and the target is left as it was."""

import copy
import gc
import re

import numpy as np
import pytest
import torch

from istar.flops import RULEBOOK, Meter, Rulebook
from istar.flops.timed import TimedMeter
from istar.methods import Interpretation, MethodError, Recording, load_method, recorder
from istar.methods.recorder import record, recording_meter, run_interpret
from istar.questions import nested_batches
from istar.seeds import Seed

FRAME = """import torch
from istar.methods import Interpretation

SEEN = []

def interpret(target, corpus):
    {interpret}

def prepare(question, target, interpretation):
    {prepare}

def predict(question, runs, target, interpretation, prepared):
    {predict}
"""


def method(predict="return torch.zeros(len(runs), 1)", prepare="return None", interpret="return Interpretation()"):
    return load_method(FRAME.format(interpret=interpret, prepare=prepare, predict=predict), "mine")


@pytest.fixture(scope="module")
def question(questions):
    return questions["parts switched on and off"]


@pytest.fixture(scope="module")
def batches(question):
    return nested_batches(question.structure, Seed.root(0))


@pytest.fixture
def recorded(target, question, batches):
    def run(made, **options) -> Recording:
        return record(made, question, "q", batches, target, Interpretation(), **options)

    return run


def test_batches_come_in_order_with_cumulated_flops(recorded, target, question, batches):
    made = method(
        "x = torch.ones(len(runs), 7) + 1; return torch.tensor([[float(len(run.tokens))] for run in runs])",
        "return torch.ones(11) * 2",
    )
    recording = recorded(made)
    assert [batch.rows.tolist() for batch in recording.batches] == [rows.tolist() for rows in batches]
    for batch in recording.batches:
        assert batch.channels[:, 0].tolist() == [len(question.runs[row].tokens) for row in batch.rows]
    # ones and multiplication: two operations an element, whatever a fill costs
    fill = recording.prepare_flops - 11
    spent, expected = recording.prepare_flops, []
    for rows in batches:
        spent += (fill // 11) * 7 * len(rows) + 7 * len(rows)
        expected.append(spent)
    assert [batch.flops for batch in recording.batches] == expected
    assert recording.total_flops == expected[-1] == sum(recording.by_region.values()) == sum(recording.by_op.values())
    assert recording.by_region["prepare"] == recording.prepare_flops
    assert (recording.target, recording.rulebook, recording.method_hash) == (target.id, "v2", made.hash)
    assert recording.complete
    assert Recording.from_bytes(recording.to_bytes()).by_op == recording.by_op


def test_prepared_and_interpretation_reach_predict(target, question, batches):
    made = method("return prepared + interpretation.tensors['x'].expand(len(runs), 1)", "return 2.0")
    recording = record(made, question, "q", batches, target, Interpretation({"x": torch.tensor([[3.0]])}))
    assert (recording.batches[0].channels == 5).all()


def test_random_numbers_depend_on_seed_question_and_method_only(recorded, target, question, batches):
    made = method("return torch.randn(len(runs), 2)")
    before = torch.random.get_rng_state()
    first = recorded(made)
    torch.manual_seed(5)
    again = recorded(made)
    assert all(np.array_equal(a.channels, b.channels) for a, b in zip(first.batches, again.batches, strict=True))
    assert not np.array_equal(first.batches[0].channels, recorded(made, seed=1).batches[0].channels)
    other = record(made, question, "other", batches, target, Interpretation())
    assert not np.array_equal(first.batches[0].channels, other.batches[0].channels)
    torch.random.set_rng_state(before)


def test_no_variable_survives_from_question_to_question(recorded):
    made = method("SEEN.append(1); return torch.full((len(runs), 1), float(len(SEEN)))")
    first, second = recorded(made), recorded(made)
    assert [batch.channels[0, 0] for batch in first.batches] == list(range(1, len(first.batches) + 1))
    assert second.batches[0].channels[0, 0] == 1


def test_zero_channels_are_allowed(recorded):
    recording = recorded(method("return torch.empty(len(runs), 0)"))
    assert recording.channels == 0
    assert recording.complete


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        ("return [1.0] * len(runs)", "returned a list; return a Tensor of shape (runs, channels)"),
        ("return None", "returned a NoneType"),
        ("return torch.zeros(len(runs))", "add `.unsqueeze(-1)` for a single channel"),
        ("return torch.zeros(len(runs), 1, 1)", "it must be (runs, channels)"),
        ("return torch.zeros(len(runs) + 1, 1)", "give one row of channels a run, in order"),
        ("SEEN.append(1); return torch.zeros(len(runs), len(SEEN))", "returned 2 channels after 1 in the first batch"),
        ("return torch.zeros(len(runs), 100)", "the limit is 64: combine them"),
        ("return torch.zeros(len(runs), 1, dtype=torch.float32) / 0", "returned nan for run 0 of the batch, channel 0"),
        ("x = torch.zeros(len(runs), 2); x[-1, 1] = torch.inf; return x", "channel 1; channels must be finite"),
        ("return torch.full((len(runs), 1), 1e300, dtype=torch.float64)", "returned inf for run 0"),
        ("return torch.zeros(len(runs), 1) * 1j", "returned complex numbers"),
        ("raise ValueError('no idea')", "`predict` of 'mine' raised ValueError: no idea\n  line 13, in predict: raise"),
        ("return torch.zeros(2, 3) @ torch.zeros(2, 3)", "raised RuntimeError: mat1 and mat2 shapes"),
    ],
)
def test_wrong_results_are_named(recorded, predict, message):
    with pytest.raises(MethodError, match=re.escape(message)):
        recorded(method(predict))


def test_an_error_in_prepare_is_named(recorded):
    with pytest.raises(MethodError, match="`prepare` of 'mine' raised KeyError"):
        recorded(method(prepare="return {}['x']"))


STATE = {
    "hook": "target.module.register_forward_hook(lambda module, arguments, output: None)",
    "weight": "target.anatomy.unembedding.weight.mul_(1.0)",
    "weight through a view": "target.anatomy.unembedding.weight.detach()[0].add_(0.0)",
    "gradient": "(target.anatomy.unembedding.weight.requires_grad_() * 1).sum().backward()",
    "configuration": "target.module.config.rope_parameters.update({'note': 1})",
    "mode": "target.module.requires_grad_(True)",
}


@pytest.mark.parametrize("change", STATE.values(), ids=STATE.keys())
def test_a_target_left_changed_is_an_error(target, question, batches, change):
    config = copy.deepcopy(target.module.config.__dict__)
    try:
        with pytest.raises(MethodError, match=r"the method left the target changed: .*; remove hooks in a `with`"):
            record(method(prepare=change), question, "q", batches, target, Interpretation())
    finally:
        target.module._forward_hooks.clear()
        target.module.requires_grad_(False)
        target.module.zero_grad(set_to_none=True)
        target.module.config.__dict__.clear()
        target.module.config.__dict__.update(config)


def test_a_hook_in_a_with_statement_is_fine(recorded, target, question):
    made = method(
        "with target.module.register_forward_hook(lambda module, arguments, output: None): "
        "return target.values(runs).unsqueeze(-1)"
    )
    first = recorded(made).batches[0]
    exact = target.values([question.runs[row] for row in first.rows])
    assert np.allclose(first.channels[:, 0], exact, atol=1e-5)


def test_gradient_mode_does_not_leak(recorded):
    recorded(method("torch.set_grad_enabled(False); return torch.zeros(len(runs), 1)"))
    assert torch.is_grad_enabled()


OVERSPENT = """out = torch.zeros(64, 64)
    seen = out[: len(runs), :1]
    def late():
        try:
            yield
        finally:
            torch.linalg.inv(torch.eye(64), out=out)
    held = late()
    next(held)
    del held
    return seen
"""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_recorded_once_the_budget_is_exceeded_and_python_swallowed_the_signal(recorded):
    """Python swallows what is raised while it finalises a generator, and the results may be written by then."""
    assert recorded(method(OVERSPENT)).complete
    found = recorded(method(OVERSPENT), max_flops=1_000)
    assert not found.complete
    assert found.batches == ()
    assert found.total_flops <= 2 * 1_000


def test_recording_ends_after_the_batch_that_passes_the_budget(recorded, batches):
    made = method("x = torch.ones(1000) + 1; return torch.zeros(len(runs), 1)")
    whole = recorded(made)
    limit = whole.batches[1].flops - 1
    cut = recorded(made, max_flops=limit)
    assert len(cut.batches) == 2
    assert not cut.complete
    assert [batch.flops for batch in cut.batches] == [batch.flops for batch in whole.batches[:2]]
    assert recorded(made, max_flops=whole.total_flops).complete


def test_recording_ends_once_enough_rows_are_recorded(recorded, question, batches):
    cut = recorded(method(), max_rows_fraction=0.25)
    rows = [len(batch.rows) for batch in cut.batches]
    assert sum(rows) >= 0.25 * len(question.runs) > sum(rows[:-1])
    assert not cut.complete


def test_a_runaway_call_is_cut_off_before_it_spends(recorded):
    in_prepare = recorded(method(prepare="return torch.ones(10**6) * 2"), max_flops=1000)
    assert in_prepare.batches == ()
    assert not in_prepare.complete
    assert in_prepare.prepare_flops == in_prepare.total_flops <= 2000
    in_predict = recorded(
        method("SEEN.append(1); x = torch.ones(100 if len(SEEN) < 3 else 10**6) + 1; return torch.zeros(len(runs), 1)"),
        max_flops=10_000,
    )
    assert len(in_predict.batches) == 2
    assert in_predict.total_flops <= 20_000


def test_interpret_is_metered_and_read_back(target, corpus):
    meter = Meter()
    made = method(
        interpret="return Interpretation({'x': torch.ones(3, 3) @ torch.ones(3, 3)}, {'texts': len(corpus.tokens)})"
    )
    learned = run_interpret(made, target, corpus, meter)
    assert learned.data == {"texts": len(corpus.tokens)}
    assert torch.equal(learned.tensors["x"], torch.full((3, 3), 3.0))
    assert meter.matmul_flops == 2 * 27
    assert meter.by_region.keys() == {"interpret"}


@pytest.mark.parametrize(
    ("interpret", "message"),
    [
        ("return {'a': 1}", "`interpret` of 'mine' returned a dict; return an Interpretation"),
        ("return Interpretation({'a': 1})", "put plain numbers and texts into `data`"),
        ("raise RuntimeError('x')", "`interpret` of 'mine' raised RuntimeError: x"),
    ],
)
def test_a_wrong_interpretation_is_named(target, corpus, interpret, message):
    with pytest.raises(MethodError, match=re.escape(message)):
        run_interpret(method(interpret=interpret), target, corpus, Meter())


WORK = "torch.ones(9, 9) @ torch.ones(9, 9)"
LATE = f"\n    def late(box):\n        try:\n            yield 1\n        finally:\n            {WORK}"
LAZY = "\n    class Lazy(torch.nn.Parameter):\n        def detach(self):\n            return 1"


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        (f"{LAZY}\n    return Lazy(torch.zeros(len(runs), 1))", "class Lazy derives from Tensor"),
        ("return torch.zeros(len(runs), 1, device='meta')", "returned a tensor without numbers"),
    ],
)
def test_what_would_run_code_when_it_is_read_is_refused(recorded, predict, message):
    with pytest.raises(MethodError, match=message):
        recorded(method(predict))


def test_a_lazily_negated_result_is_read(recorded):
    made = method("return (torch.zeros(len(runs), 1) + 2j).conj().imag")
    assert (recorded(made).batches[0].channels == -2).all()


def test_garbage_of_a_method_is_collected_under_the_meter(recorded, batches, monkeypatch):
    """It is collected between two calls here, where the meter is off, and also whenever Python likes."""
    body = "box = []\n    box.append(late(box))\n    next(box[0])\n    return torch.zeros(len(runs), 1)"
    made = method(f"{LATE}\n    {body}")
    checked = recorder._checked_channels

    def collecting(*arguments):
        gc.collect()
        return checked(*arguments)

    monkeypatch.setattr(recorder, "_checked_channels", collecting)
    threshold = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(7, 1, 1)
    everything = Meter()
    try:
        with everything:
            recording = recorded(made)
            within = everything.by_op["mm"]
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()
    assert recording.by_op["mm"] == within == len(batches) * 2 * 9**3
    assert not [callback for callback in gc.callbacks if "watching_garbage" in repr(callback)]


def test_a_method_is_given_no_arrays(recorded):
    body = (
        "values = question.structure[question.structure.columns[0].name]; assert isinstance(values, tuple); "
        "assert isinstance(target.run(runs, upto=0).index(0), torch.Tensor); return torch.zeros(len(runs), 0)"
    )
    assert recorded(method(body)).channels == 0


def test_what_has_no_price_is_refused_in_recordings_and_in_interpret_alike(recorded, target, corpus, monkeypatch):
    rules = {name: rule for name, rule in RULEBOOK.rules.items() if name != "sinh"}
    lacking = lambda **options: TimedMeter(Rulebook("lacking", rules), **options)  # noqa: E731
    monkeypatch.setattr(recorder, "TimedMeter", lacking)
    hyperbolic = "torch.ones(9).sinh()"
    with pytest.raises(MethodError, match=r"rulebook lacking has no price for the operation aten\.sinh"):
        recorded(method(f"{hyperbolic}; return torch.zeros(len(runs), 0)"))
    with pytest.raises(MethodError, match=r"rulebook lacking has no price for the operation aten\.sinh"):
        run_interpret(method(interpret=f"{hyperbolic}; return Interpretation()"), target, corpus, recording_meter())


def test_an_error_that_cannot_say_what_it_is_is_one_of_the_method(recorded):
    unsayable = "[x := []] + [x := [x] for _ in range(10**5)]"
    with pytest.raises(MethodError, match=r"`predict` of 'mine' raised ValueError: \(an error that cannot say"):
        recorded(method(f"raise ValueError({unsayable})"))
