import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from reward_curves import make_curve

from istar.executors import ExecutorError
from istar.executors.executor import Trace
from istar.rewards import CurveError, SkillError, blind_loss, curve_from_json, curve_from_trace, reference_losses, skill


class _Distance:
    """A functional whose answer is the mean and whose loss is the distance from it."""

    def answer(self, values, structure):
        return values.mean(keepdims=True)

    def loss(self, answer, values, structure):
        return float(np.abs(answer - values.mean()).sum())


def _table(values, brute=1000):
    question = SimpleNamespace(task="family/data", hash="h" * 64, functional=_Distance(), structure=None)
    return SimpleNamespace(question=question, values=np.array(values), brute_flops=brute)


def _trace(answers, stop, stop_answer):
    count = len(answers)
    budgets = np.array([125, 250, 500, 1000])[-count:]
    return Trace(
        checkpoints=budgets,
        flops_spent=budgets - 5,
        answers=np.array(answers, dtype=float)[:, None],
        spread=np.zeros((count, 1)),
        rows_bought=np.array([1, 2, 4, 8])[-count:],
        channel_batches=np.zeros(count, dtype=np.int64),
        executor_flops=np.full(count, 3),
        stop=stop,
        stop_answer=np.array([stop_answer], dtype=float),
        stop_spread=np.zeros(1),
    )


def test_skill_is_one_at_the_truth_zero_at_the_reference_and_negative_beyond():
    np.testing.assert_allclose(skill(np.array([0.0, 1.0, 2.0, 6.0]), 2.0), [1.0, 0.5, 0.0, -2.0])


@pytest.mark.parametrize("reference", [0.0, -1.0, float("nan"), float("inf")])
def test_a_reference_that_is_no_scale_is_refused(reference):
    with pytest.raises(SkillError, match="drop the task"):
        skill(1.0, reference)


@pytest.mark.parametrize("loss", [-0.1, float("nan")])
def test_a_loss_that_no_functional_may_give_is_refused(loss):
    with pytest.raises(SkillError, match="negative or not finite"):
        skill(loss, 1.0)


def test_the_reference_of_a_lucky_question_is_a_quarter_of_the_tasks_mean():
    assert reference_losses([4.0, 3.9, 0.1, 0.0]) == (4.0, 3.9, 0.5, 0.5)


@pytest.mark.parametrize("losses", [[], [0.0, 0.0], [float("nan")]])
def test_a_task_without_blind_loss_has_no_skill(losses):
    with pytest.raises(SkillError, match="needs one above 0"):
        reference_losses(losses)


def test_a_trace_is_scored_against_the_truth():
    table = _table([1.0, 3.0])
    reference = blind_loss(table, np.array([6.0]))
    assert reference == 4.0
    curve = curve_from_trace(
        _trace([6.0, 4.0, 2.5, 2.0], 300, 2.4), table, reference_loss=reference, arm="black_box", seed=2
    )
    np.testing.assert_allclose(curve.loss, [4.0, 2.0, 0.5, 0.0])
    np.testing.assert_allclose(curve.skill, [0.0, 0.5, 0.875, 1.0])
    assert curve.stop_skill == pytest.approx(0.9)
    assert curve.stop_rows == 4, "the stop at 300 lies between the budgets 250 and 500, within the second"
    assert (curve.seed, curve.brute_flops, curve.total_rows, curve.family) == (2, 1000, 2, "family")
    assert curve.executor_flops == (3, 3, 3, 3)


def test_a_curve_comes_back_from_json_as_it_was():
    curve = make_curve(np.linspace(0.1, 1 / 3, 17))
    assert curve_from_json(curve.to_json()) == curve


def test_a_curve_says_how_often_intervals_held_the_truth():
    """An interval is 1.96 standard deviations to either side; what is exact holds whatever is stated."""
    answers = np.array([[6.0, 2.0], [4.0, 2.0], [2.5, 9.0], [2.0, 2.0]])
    spread = np.array([[2.1, 0.1], [0.9, 0.0], [np.nan, np.nan], [np.nan, 0.0]])
    trace = replace(
        _trace([6.0, 4.0, 2.5, 2.0], 300, 2.4),
        answers=answers,
        spread=spread,
        stop_answer=np.array([2.123456789, 7.0]),
        stop_spread=np.array([0.1, np.nan]),
    )
    np.testing.assert_array_equal(trace.coverage(np.array([2.0, 2.0])), [1.0, 0.5, np.nan, 1.0])
    curve = curve_from_trace(trace, _table([1.0, 3.0]), reference_loss=1.0, arm="black_box", seed=0)
    assert curve.coverage == (1.0, 0.5, None, 1.0)
    assert curve.half_width == (pytest.approx(1.96 * 1.1), pytest.approx(1.96 * 0.45), None, 0.0)
    assert curve.stop_answer == (2.12346, 7.0)
    assert curve.stop_half_width == (0.196, None)
    assert curve.stop_coverage == 1.0
    assert curve_from_json(json.loads(json.dumps(curve.to_json()))) == curve


def test_a_curve_of_before_intervals_were_kept_is_read():
    curve, data = make_curve(0.5), make_curve(0.5).to_json()
    for name in ("coverage", "half_width", "stop_answer", "stop_half_width", "stop_coverage"):
        del data[name]
    assert curve_from_json(data) == curve
    assert (curve.coverage, curve.half_width, curve.stop_answer, curve.stop_coverage) == ((), (), (), None)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"coverage": [0.5]}, "one entry a checkpoint"),
        ({"coverage": [1.5] * 17}, "a coverage is no share"),
        ({"coverage": ["half"] * 17}, "other types"),
        ({"half_width": [0.5]}, "one entry a checkpoint"),
        ({"half_width": [-0.5] * 17}, "an interval has no width"),
        ({"half_width": [float("nan")] * 17}, "an interval has no width"),
        ({"stop_coverage": 2.0}, "a coverage is no share"),
        ({"stop_answer": [1.0], "stop_half_width": []}, "none for an output of the answer"),
        ({"stop_answer": [1.0], "stop_half_width": [float("inf")]}, "an interval has no width"),
        ({"stop_answer": [None]}, "other types"),
        ({"stop_answer": [float("nan")], "stop_half_width": [1.0]}, "an answer is not finite"),
    ],
)
def test_intervals_that_are_none_are_refused(changed, fault):
    with pytest.raises(CurveError, match=fault):
        curve_from_json(make_curve(0.5).to_json() | changed)


@pytest.mark.parametrize("spread", [np.array([-1.0]), np.array([np.inf]), np.zeros(2)])
def test_a_trace_with_a_spread_that_is_none_is_refused(spread):
    with pytest.raises(ExecutorError, match="needs a spread for each output of each answer: a finite number from 0 on"):
        replace(_trace([6.0, 4.0, 2.5, 2.0], 300, 2.4), stop_spread=spread)


def test_a_stored_curve_without_what_every_curve_has_is_refused():
    data = make_curve(0.5).to_json()
    del data["rows"]
    with pytest.raises(CurveError, match=r"lacks the fields \['rows'\]"):
        curve_from_json(data)


def test_a_curve_of_an_older_version_is_read():
    """The executor's own FLOPs bore another name, and there were neither intervals nor measures."""
    curve = make_curve(0.5)
    data = curve.to_json()
    data["statistician_flops"] = data.pop("executor_flops")
    del data["measures"]
    assert curve_from_json(json.loads(json.dumps(data))) == curve


def test_what_a_newer_version_wrote_beside_it_is_left_out():
    curve = make_curve(0.5)
    assert curve_from_json(curve.to_json() | {"colour": "blue"}) == curve


WRONG = {"rows": ["1"] * 17, "flops": [1.5] * 17, "seed": True, "task": 3, "loss": "high", "measures": [1.0]}


@pytest.mark.parametrize("field", WRONG)
def test_a_stored_value_of_another_type_is_refused(field):
    with pytest.raises(CurveError, match=rf"of other types than a curve's in the fields \['{field}'\]"):
        curve_from_json(make_curve(0.5).to_json() | {field: WRONG[field]})


def test_measures_go_with_a_trace_into_its_curve_and_come_back():
    measures = {"calls": np.int64(3), "tokens": np.array([1.0, 2.5]), "share": 1 / 3}
    trace = replace(_trace([6.0, 4.0, 2.5, 2.0], 300, 2.4), measures=measures)
    curve = curve_from_trace(trace, _table([1.0, 3.0]), reference_loss=1.0, arm="black_box", seed=0)
    assert curve.measures == {"calls": 3, "tokens": (1.0, 2.5), "share": 1 / 3}
    assert curve_from_json(json.loads(json.dumps(curve.to_json()))) == curve


@pytest.mark.parametrize("value", [float("nan"), "three", True, None, [[1.0]], [1.0, float("inf")]])
def test_a_measure_that_is_no_finite_number_is_refused(value):
    with pytest.raises(ExecutorError, match=r"a trace cannot be kept: the measure 'own' holds"):
        replace(_trace([6.0, 4.0, 2.5, 2.0], 300, 2.4), measures={"own": value})
    with pytest.raises(CurveError, match=r"the measure 'own' holds"):
        curve_from_json(make_curve(0.5).to_json() | {"measures": {"own": value}})


def test_a_curve_with_series_of_different_length_is_refused():
    data = make_curve(0.5).to_json() | {"rows": [1]}
    with pytest.raises(CurveError, match="one entry a checkpoint"):
        curve_from_json(data)


def test_checkpoints_must_ascend():
    data = make_curve(0.5).to_json()
    data["checkpoints"] = data["checkpoints"][::-1]
    with pytest.raises(CurveError, match="do not ascend"):
        curve_from_json(data)


def test_a_skill_that_is_not_finite_is_refused():
    with pytest.raises(CurveError, match="not finite"):
        make_curve(np.nan)
