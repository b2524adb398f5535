"""Bits of a method: what its description saves, and what it takes."""

import math
from dataclasses import replace

import pytest
from reward_curves import make_curve

from istar.protocol.shuffled_control import exchange_arms
from istar.rewards import REWARDS, CurveError, MdlReward, MethodFacts
from istar.rewards.mdl import description
from istar.seeds import Seed

PRECISION = 2**-8


def facts(source=0, interpretation=0):
    return MethodFacts("a" * 64, 1, 1, 1, 1, 1, source_bits=source, interpretation_bits=interpretation)


def told(bits, *, arm="black_box", question="q0", task="family/data", seed=0, method=None):
    curve = make_curve(0.5, arm=arm, question=question, task=task, seed=seed)
    return replace(curve, measures={"bits.rows": bits, "bits.precision": PRECISION}, method=method)


def arms(saved, method):
    """Curves of both arms, given what is saved by (task, question)."""
    black = [told(1000.0, task=task, question=question) for task, question in saved]
    white = [
        told(1000.0 - bits, arm="white_box", task=task, question=question, method=method)
        for (task, question), bits in saved.items()
    ]
    return black, white


def test_the_example_of_the_page_by_hand():
    # 16 rows, each N(0, 1), foretold by a channel with correlation 0.96: what is left has the deviation 0.28.
    each = math.log2(math.sqrt(2 * math.pi * math.e) / PRECISION)
    black, white = 16 * each, 16 * (each + math.log2(0.28))
    assert black == pytest.approx(160.75, abs=0.01)
    assert white == pytest.approx(131.37, abs=0.01)
    method = facts(source=400, interpretation=600)
    for questions, reward in ((10, -70.62), (34, -0.03), (35, 0.81), (100, 19.38)):
        saved = {("family/data", f"q{number}"): black - white for number in range(questions)}
        assert MdlReward().reward(*arms(saved, method)) == pytest.approx(reward, abs=0.01)
    assert description(*arms(saved, method)).pays_after == pytest.approx(1000 / 29.38, abs=0.01)


@pytest.mark.parametrize(
    "shape", [{"a/x": 4}, {"a/x": 3, "b/y": 3}, {"a/x": 5, "b/y": 1}, {"a/x": 1, "b/y": 1, "c/z": 9}]
)
@pytest.mark.parametrize("kept", ["all", "one task", "one question"])
def test_a_table_of_answers_earns_nothing_whatever_it_holds(shape, kept):
    # it is as long as what it saves, at the least
    questions = [(task, f"q{number}") for task, count in shape.items() for number in range(count)]
    chosen = {
        "all": questions,
        "one task": [each for each in questions if each[0] == questions[-1][0]],
        "one question": questions[-1:],
    }[kept]
    saved = {each: 700.0 if each in chosen else 0.0 for each in questions}
    assert MdlReward().reward(*arms(saved, facts(interpretation=700 * len(chosen)))) <= 1e-9


def test_noise_costs_its_own_length():
    saved = {("a/x", "q0"): 0.0, ("a/x", "q1"): 0.0}
    assert MdlReward().reward(*arms(saved, facts(source=300, interpretation=500))) == -400.0
    assert REWARDS.get("mdl").parts(*arms(saved, facts(300, 500))) == {
        "saved": 0.0,
        "source": 300.0,
        "I(M)": 500.0,
        "questions": 2.0,
        "pays after": None,
    }


def test_seeds_are_averaged():
    black = [told(1000.0, seed=seed) for seed in range(2)]
    white = [told(bits, arm="white_box", seed=seed, method=facts()) for seed, bits in enumerate((900.0, 800.0))]
    assert MdlReward().by_question(black, white) == {("family/data", "q0"): 150.0}


def test_a_shuffled_control_charges_the_length_to_the_method():
    black, white = arms({("a/x", f"q{number}"): 10.0 for number in range(20)}, facts(source=200))
    rewards = MdlReward().by_question(*exchange_arms(black, white, Seed.root(0)))
    assert set(rewards.values()) == {0.0, -20.0}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"measures": {}}, r"white-box curve of a/x, question q0 does not hold the surprise of its rows \(bits.rows\)"),
        ({"method": None}, "does not hold the length of its method"),
        ({"method": facts(source=None)}, "does not hold the length of its method"),
        ({"measures": {"bits.rows": 900.0, "bits.precision": 0.5}}, "at different precisions"),
    ],
)
def test_curves_that_lack_something_are_refused_by_name(change, fault):
    black, white = arms({("a/x", "q0"): 10.0}, facts())
    assert MdlReward().lacking(black, white) == ""
    white = [replace(white[0], **change)]
    assert MdlReward().lacking(black, white)
    with pytest.raises(CurveError, match=fault):
        MdlReward().reward(black, white)
