"""What a method is and said goes with its curves, so that a reward may charge for more than FLOPs."""

import json
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from reward_curves import BRUTE, make_curve

from istar.protocol.shuffled_control import exchange_arms
from istar.rewards import CurveError, LinearReward, MethodFacts, Reward, curve_from_json
from istar.rewards.pairs import match
from istar.rewards.repriced import BatchPrices, repriced
from istar.seeds import Seed
from istar.testing.rewards import RewardConformance

FACTS = MethodFacts("a" * 64, 1000, 10**9, channels=2, batches=2, flops=BRUTE // 64)


@dataclass(frozen=True)
class BitsReward(LinearReward):
    """As `linear`, less a price for every bit of the interpretation; what is not known of it is not charged."""

    name: ClassVar[str] = "bits"
    formula: ClassVar[str] = "linear - bit_price * bits of the interpretation"
    bit_price: float = 1e-5

    def by_question(self, baseline, interp):
        rewards = super().by_question(baseline, interp)
        bits = {
            (white.task, white.question_hash): 8 * white.method.interpretation_bytes
            for _, white in match(baseline, interp)
            if white.method is not None
        }
        return {key: reward - self.bit_price * bits.get(key, 0) for key, reward in rewards.items()}


class TestBits(RewardConformance):
    def make(self) -> Reward:
        return BitsReward()


def both(**changes):
    black, white = (
        make_curve(0.5, arm=arm, question="q", stop=BRUTE // 8, stop_skill=0.5) for arm in ("black_box", "white_box")
    )
    return black, replace(white, **changes)


def test_a_reward_charges_for_bits_of_the_interpretation():
    black, white = both(method=FACTS)
    assert LinearReward().reward([black], [white]) == 0.0
    assert BitsReward().reward([black], [white]) == pytest.approx(-0.08)
    assert BitsReward().reward([black], [replace(white, method=None)]) == 0.0


def test_facts_come_back_from_json_and_older_curves_have_none():
    _, white = both(method=FACTS)
    data = json.loads(json.dumps(white.to_json()))
    assert curve_from_json(data) == white
    del data["method"]
    assert curve_from_json(data).method is None


@pytest.mark.parametrize(
    ("change", "fault"),
    [({"channels": "two"}, r"hold other types in \['channels'\]"), ({"flops": None}, r"in \['flops'\]")],
)
def test_facts_of_another_type_are_refused(change, fault):
    _, white = both(method=FACTS)
    data = white.to_json()
    data["method"] |= change
    with pytest.raises(CurveError, match=fault):
        curve_from_json(data)
    del data["method"]["batches"]
    with pytest.raises(CurveError, match=r"lack \['batches'\]"):
        curve_from_json(data)


def test_at_other_prices_a_recording_costs_what_its_batches_do():
    _, white = both(method=FACTS)
    other = repriced(white, BRUTE, BatchPrices((10, 20), (15, 40)))
    assert other.method == replace(FACTS, interpretation_flops=None, flops=40)


def test_a_shuffled_control_leaves_the_facts_with_the_method():
    pairs = [both(method=FACTS, question_hash=f"q{number}") for number in range(20)]
    black = [replace(black, question_hash=white.question_hash) for black, white in pairs]
    white = [replace(white, stop_skill=0.75) for _, white in pairs]
    without, with_it = exchange_arms(black, white, Seed.root(0))
    assert {each.stop_skill for each in with_it} == {0.5, 0.75}, "some changed sides and some did not"
    assert {each.method for each in with_it} == {FACTS}
    assert {each.method for each in without} == {None}
