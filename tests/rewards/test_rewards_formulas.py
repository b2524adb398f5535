import numpy as np
import pytest
from reward_curves import BRUTE, make_curve, ramp

from istar.errors import UnknownNameError
from istar.rewards import REWARDS, CurveError, LinearReward, PowerReward, Reward


def _pair(question="q0", task="family/data", *, black_stop, white_stop, black_skill, white_skill, rows=(100, 50)):
    common = {"question": question, "task": task}
    return (
        make_curve(0.5, arm="black_box", stop=black_stop, stop_skill=black_skill, stop_rows=rows[0], **common),
        make_curve(0.5, arm="white_box", stop=white_stop, stop_skill=white_skill, stop_rows=rows[1], **common),
    )


ONE = _pair(black_stop=BRUTE // 4, white_stop=BRUTE // 16, black_skill=0.7, white_skill=0.8)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("linear", 0.1 + (1 / 4 - 1 / 16)),
        ("power", 0.1 + (1 / 2 - 1 / 4)),
        ("samples", 0.1 + 50 / 1000),
        ("log", 0.0),
    ],
)
def test_formulas_give_what_their_docstrings_say(name, expected):
    assert REWARDS.get(name).reward([ONE[0]], [ONE[1]]) == pytest.approx(expected)


def test_log_is_the_mean_decimal_logarithm_of_the_multiplier():
    black, white = make_curve(ramp(-4.0)), make_curve(ramp(-6.0), arm="white_box")
    assert REWARDS.get("log").reward([black], [white]) == pytest.approx(np.log10(2.0**2))


def test_power_with_exponent_one_is_linear():
    assert PowerReward(exponent=1.0).reward([ONE[0]], [ONE[1]]) == LinearReward().reward([ONE[0]], [ONE[1]])


@pytest.mark.parametrize("name", ["linear", "log", "power", "samples"])
def test_a_method_that_changes_nothing_has_no_reward_and_swapping_arms_flips_the_sign(name):
    reward = REWARDS.get(name)
    black, white = make_curve(ramp(-3), stop=10, stop_skill=0.5), make_curve(ramp(-5), arm="white_box", stop_rows=9)
    same = make_curve(ramp(-3), arm="white_box", stop=10, stop_skill=0.5)
    assert reward.reward([black], [same]) == 0.0
    as_white = type(black)(**black.to_json() | {"arm": "white_box"})
    as_black = type(white)(**white.to_json() | {"arm": "black_box"})
    assert reward.reward([black], [white]) == pytest.approx(-reward.reward([as_black], [as_white]))


def test_the_reward_is_the_mean_over_tasks_of_the_mean_over_questions():
    pairs = [
        _pair("q0", "a/x", black_stop=0, white_stop=0, black_skill=0.0, white_skill=0.2),
        _pair("q1", "a/x", black_stop=0, white_stop=0, black_skill=0.0, white_skill=0.4),
        _pair("q0", "b/y", black_stop=0, white_stop=0, black_skill=0.0, white_skill=0.9),
    ]
    score = LinearReward().score([black for black, _ in pairs], [white for _, white in pairs])
    assert score.by_task == pytest.approx({"a/x": 0.3, "b/y": 0.9})
    assert score.reward == pytest.approx(0.6)
    assert score.by_question[("a/x", "q1")] == pytest.approx(0.4)
    # Pooled variance 0.02 with one degree of freedom; task means over 2 and 1 questions.
    assert score.standard_error == pytest.approx(np.sqrt(0.02 / 2 + 0.02) / 2)


def test_the_standard_error_is_that_of_repeated_evaluations():
    generator = np.random.default_rng(0)
    rewards, errors = [], []
    for _ in range(400):
        pairs = [
            _pair(f"q{index}", task, black_stop=0, white_stop=0, black_skill=0.0, white_skill=level + noise)
            for task, level in (("a/x", 0.1), ("b/y", 0.6))
            for index, noise in enumerate(generator.normal(0, 0.2, 5))
        ]
        score = LinearReward().score([black for black, _ in pairs], [white for _, white in pairs])
        rewards.append(score.reward)
        errors.append(score.standard_error**2)
    assert np.sqrt(np.mean(errors)) == pytest.approx(np.std(rewards), rel=0.1)


def test_a_single_question_has_no_standard_error():
    assert LinearReward().score([ONE[0]], [ONE[1]]).standard_error is None


def test_single_questions_of_several_tasks_lend_their_spread():
    pairs = [
        _pair("q", task, black_stop=0, white_stop=0, black_skill=0.0, white_skill=skill)
        for task, skill in (("a/x", 0.1), ("b/y", 0.5))
    ]
    score = LinearReward().score([black for black, _ in pairs], [white for _, white in pairs])
    assert score.standard_error == pytest.approx(0.2)


def test_skill_far_below_blind_is_worth_no_less_than_minus_one():
    black, white = _pair(black_stop=0, white_stop=0, black_skill=0.0, white_skill=-40.0)
    assert LinearReward().reward([black], [white]) == pytest.approx(-1.0)


def test_unpaired_curves_have_no_reward():
    with pytest.raises(CurveError, match="no partner"):
        LinearReward().reward([ONE[0]], [])


def test_the_registry_names_the_rewards_there_are():
    assert set(REWARDS) >= {"linear", "log", "samples", "power"}
    with pytest.raises(UnknownNameError, match="did you mean 'linear'"):
        REWARDS.get("linaer")


@pytest.mark.parametrize("name", ["linear", "log", "power", "samples"])
def test_every_reward_prints_its_formula(name):
    reward = REWARDS.get(name)
    assert isinstance(reward, Reward)
    assert reward.name == name
    assert reward.formula
