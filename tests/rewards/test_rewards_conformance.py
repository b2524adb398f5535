from dataclasses import replace

import pytest

from istar.rewards import REWARDS, LinearReward, LogReward, MdlReward, MethodFacts, PowerReward, Reward, SamplesReward
from istar.testing.rewards import RewardConformance


class TestLinear(RewardConformance):
    def make(self) -> Reward:
        return LinearReward()


class TestLog(RewardConformance):
    def make(self) -> Reward:
        return LogReward()


class TestSamples(RewardConformance):
    def make(self) -> Reward:
        return SamplesReward()


class TestPower(RewardConformance):
    def make(self) -> Reward:
        return PowerReward(exponent=0.3, price=2.0)


class TestMdl(RewardConformance):
    """Of a method that is as good as no text at all: what its length takes is tried in test_rewards_mdl.py."""

    def make(self) -> Reward:
        return MdlReward()

    def curves(self, arm, headstart):
        facts = MethodFacts("a" * 64, 0, 0, channels=1, batches=1, flops=1, source_bits=0, interpretation_bits=0)
        return [
            replace(
                each,
                measures={"bits.rows": 1000.0 - 100 * headstart, "bits.precision": 2**-8},
                method=facts if arm == "white_box" else None,
            )
            for each in super().curves(arm, headstart)
        ]


def test_every_registered_reward_is_held_to_the_suite():
    tested = {suite().make().name for suite in (TestLinear, TestLog, TestSamples, TestPower, TestMdl)}
    assert tested == set(REWARDS)


class _Backwards(LinearReward):
    """Rewards the black-box arm."""

    def by_question(self, baseline, interp):
        return {key: -value for key, value in super().by_question(baseline, interp).items()}


class _Constant(LinearReward):
    """Rewards everything alike, partner or not."""

    def by_question(self, baseline, interp):
        return {(curve.task, curve.question_hash): 1.0 for curve in interp}


@pytest.mark.parametrize(
    ("faulty", "check"),
    [
        (_Backwards, "test_better_is_more"),
        (_Constant, "test_no_difference_no_reward"),
        (_Constant, "test_refuses_what_has_no_partner"),
    ],
)
def test_the_suite_finds_faults(faulty, check):
    class Suite(RewardConformance):
        def make(self) -> Reward:
            return faulty()

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        getattr(Suite(), check)()
