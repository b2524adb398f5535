import pytest

from istar.rewards import REWARDS, LinearReward, LogReward, PowerReward, Reward, SamplesReward
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


def test_every_registered_reward_is_held_to_the_suite():
    tested = {suite().make().name for suite in (TestLinear, TestLog, TestSamples, TestPower)}
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
