"""The control of a search: rewards of the same size that say nothing."""

import numpy as np
import pytest
from fake_arms import SEEDS, FakeArms, curve, table
from test_protocol_search import CONFIG, Listed, run, valid

from istar.ledger import Ledger
from istar.protocol.shuffled_control import exchange_arms
from istar.rewards.formulas import REWARDS
from istar.seeds import Seed


def arms(questions):
    tables = [table("shot_shapley/a", index) for index in range(questions)]
    black = [curve(each, seed, "black_box", 0.0) for each in tables for seed in SEEDS]
    white = [curve(each, seed, "white_box", 0.7) for each in tables for seed in SEEDS]
    return black, white


def test_each_question_keeps_its_size_and_may_change_its_sign():
    black, white = arms(200)
    honest = REWARDS.get("log").by_question(black, white)
    shuffled = REWARDS.get("log").by_question(*exchange_arms(black, white, Seed.root(1)))
    assert honest.keys() == shuffled.keys()
    signs = np.array([shuffled[question] / reward for question, reward in honest.items()])
    assert np.abs(signs) == pytest.approx(1)
    assert 70 < (signs > 0).sum() < 130


def test_the_coin_falls_anew_for_each_method_and_the_same_again():
    black, white = arms(40)
    first, again, other = (exchange_arms(black, white, Seed.root(1).split(name)) for name in ("a", "a", "b"))
    assert first == again
    assert first != other


def test_seeds_of_a_question_change_sides_together():
    black, white = exchange_arms(*arms(20), Seed.root(0))
    by_skill = {
        each.question_hash: {other.skill[2] > 0.35 for other in white if other.question_hash == each.question_hash}
        for each in white
    }
    assert all(len(sides) == 1 for sides in by_skill.values())
    assert {each.arm for each in black} == {"black_box"}
    assert {each.arm for each in white} == {"white_box"}


def test_shuffled_search_prefers_no_method(tmp_path):
    # one method that saves much, eleven that cost as much: by its rewards a shuffled search cannot tell them apart
    sources = [valid(number) for number in range(12)]
    best = sources[5]
    arms = FakeArms(advantage=lambda source: 2.0 if source == best else -2.0)
    found = []
    for seed in range(8):
        with Ledger(tmp_path / f"{seed}.sqlite") as ledger:
            config = CONFIG.model_copy(update={"shuffled": True, "seed": seed, "screen_floor": -99.0})
            outcome = run(ledger, config, arms, Listed(*sources))
            found.append(outcome.best.source == best)
            rewards = [each.reward for each in outcome.rounds]
            assert min(rewards) < 0 < max(rewards)
    assert sum(found) <= 4
