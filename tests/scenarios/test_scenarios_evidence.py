"""Evidence from curves whose costs are known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from reward_curves import OCTAVES, make_curve

from istar.rewards import MethodFacts
from istar.scenarios import evidence
from istar.scenarios.evidence import Resampled

TWO = math.log10(2)


def reaching(octave, **about):
    """A curve that jumps from 0 over 0.8 halfway between an octave's checkpoint and the one before."""
    return make_curve(np.where(octave <= OCTAVES, 1.0, 0.0), **about)


def arms(costs):
    """Curves of both arms, given octaves without and with the method by (task, question)."""
    black = [reaching(one, task=task, question=question) for (task, question), (one, _) in costs.items()]
    white = [
        reaching(other, task=task, question=question, arm="white_box") for (task, question), (_, other) in costs.items()
    ]
    return black, white


def cost(octave):
    """Where such a curve passes 0.8: four fifths of the way to the checkpoint, half an octave a step."""
    return (octave - 0.1) * TWO


def test_what_is_explained_is_the_share_of_orders_from_no_method_to_the_truth():
    black, white = arms({("a/x", "q0"): (-1, -4), ("a/x", "q1"): (-1, -2), ("b/y", "q2"): (-2, -2)})
    found = evidence.explained(black, white, {"a/x": cost(-5), "b/y": cost(-6)})
    assert found.about["tasks"]["a/x"] == pytest.approx({"room": 4 * TWO, "unexplained": 2 * TWO})
    assert found.about["room_orders"] == pytest.approx(4 * TWO)
    assert found.about["unexplained_orders"] == pytest.approx(3 * TWO)
    assert found.value == pytest.approx(0.25)
    assert found.interval[0] <= 0.25 <= found.interval[1]


def test_tasks_whose_truth_has_no_cost_are_left_out():
    black, white = arms({("a/x", "q0"): (-1, -4), ("b/y", "q1"): (-1, -1)})
    assert evidence.explained(black, white, {"a/x": cost(-7)}).value == pytest.approx(0.5)
    assert "no task has a measured cost" in evidence.explained(black, white, {}).missing


def test_where_there_is_no_room_nothing_is_a_share_of_it():
    black, white = arms({("a/x", "q0"): (-4, -4)})
    found = evidence.explained(black, white, {"a/x": cost(-4)})
    assert found.value is None
    assert "no room" in found.missing


def test_transfer_is_the_gain_elsewhere_over_that_where_it_was_chosen():
    gains = evidence.gains_of(*arms({("a/x", "q0"): (-1, -5), ("b/y", "q1"): (-1, -3), ("b/z", "q2"): (-1, -1)}))
    found = evidence.transfer(gains, ["a"])
    assert found.value == pytest.approx(0.25)
    assert evidence.transfer(gains, ["a", "b"]).value is None
    flat = evidence.gains_of(*arms({("a/x", "q0"): (-1, -1), ("b/y", "q1"): (-1, -3)}))
    assert "saves nothing on the families that it was chosen on" in evidence.transfer(flat, ["a"]).missing


def test_evenness_is_the_effective_share_of_families():
    alike = evidence.gains_of(*arms({(f"{name}/x", name): (-1, -3) for name in "abcd"}))
    assert evidence.evenness(alike).value == pytest.approx(1.0)
    one = evidence.gains_of(*arms({(f"{name}/x", name): (-1, -3 if name == "a" else -1) for name in "abcd"}))
    assert evidence.evenness(one).value == pytest.approx(0.25)
    harmed = evidence.gains_of(*arms({(f"{name}/x", name): (-3, -5 if name == "a" else -2) for name in "abcd"}))
    assert evidence.evenness(harmed).value == pytest.approx(0.25)
    assert "it takes 3" in evidence.evenness(dict(list(alike.items())[:2])).missing
    nothing = evidence.gains_of(*arms({(f"{name}/x", name): (-1, -1) for name in "abcd"}))
    assert "saves nothing in any family" in evidence.evenness(nothing).missing


def test_a_student_counts_only_at_equal_cost():
    own = {"a/x": np.array([0.4, 0.2])}
    students = {"good": {"a/x": np.array([0.3, 0.3])}, "poor": {"a/x": np.array([0.0, 0.06])}}
    assert evidence.student_share(own, students, {"good": 0.5, "poor": 0.1}).value == pytest.approx(1.0)
    assert evidence.student_share(own, students, {"good": 2.0, "poor": 0.1}).value == pytest.approx(0.1)
    assert "costs more" in evidence.student_share(own, students, {"good": 2.0, "poor": 3.0}).missing
    assert "saves nothing" in evidence.student_share({"a/x": np.zeros(2)}, students, {"good": 0.5, "poor": 1}).missing


def told(curve, bits, method=None):
    return replace(curve, measures={"bits.rows": bits, "bits.precision": 2**-8}, method=method)


def test_length_is_counted_in_questions_that_pay_for_it():
    facts = MethodFacts("a" * 64, 1, 1, 1, 1, 1, source_bits=4_000, interpretation_bits=6_000)
    black, white = arms({("a/x", "q0"): (-1, -2), ("b/y", "q1"): (-1, -2)})
    saved = [told(curve, 1_000.0) for curve in black], [told(curve, 950.0, facts) for curve in white]
    assert evidence.length(*saved).value == pytest.approx(2.0)  # 10,000 bits, 50 a question, two tasks
    nothing = [told(curve, 1_000.0) for curve in black], [told(curve, 1_001.0, facts) for curve in white]
    assert evidence.length(*nothing).value == math.inf
    assert "search or score again" in evidence.length(black, white).missing


def test_resamples_draw_questions_within_tasks_and_tasks_only_if_asked():
    fixed = Resampled([2, 1], "here", tasks=False)([np.array([0.0, 1.0]), np.array([5.0])])
    assert set(np.unique(fixed[:, 0])) == {0.0, 0.5, 1.0}
    assert set(fixed[:, 1]) == {5.0}
    drawn = Resampled([2, 1], "here")([np.array([0.0, 1.0]), np.array([5.0])])
    assert {0.0, 5.0} <= set(np.unique(drawn[:, 0]))


def test_a_gain_no_more_than_chance_is_not_shared_out():
    own = {"a/x": np.array([0.5, -0.48, 0.01])}
    found = evidence.student_share(own, {"s": {"a/x": np.array([0.5, -0.5, 0.0])}}, {"s": 1.0})
    assert found.value is None
    assert found.draws == ()


def test_removing_data_tells_what_would_have_been_chosen():
    def gains(**by_family):
        return {f"{family}/x": np.array([gain, gain]) for family, gain in by_family.items()}

    methods = {
        "general": gains(a=0.2, b=0.2, c=0.2),
        "head": gains(a=0.9, b=0.0, c=0.0),
        "unfinished": gains(a=5.0),
    }
    found = {each.family: each for each in evidence.removed(methods)}
    assert found["a"] == evidence.Removed("a", "head", 0.9, "general", pytest.approx(0.2))
    assert (found["b"].alone, found["b"].without) == ("general", "head")
    assert found["b"].gain_without == 0.0
    assert evidence.removed({"one": gains(a=1.0)}) == ()
    assert evidence.removed({}) == ()
