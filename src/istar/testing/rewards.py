"""Conformance suite for reward formulas: subclass it, give it a reward, and pytest checks the contract.

Example:
    >>> class TestMine(RewardConformance):
    ...     def make(self) -> Reward:
    ...         return MyReward()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from istar.rewards import Curve, CurveError, Reward
from istar.rewards.curves import SERIES, Arm

BUDGETS = tuple(2**power for power in range(22, 31))
TASKS = {"one/a": 3, "one/b": 1, "two/c": 2}
SEEDS = 2


class RewardConformance(ABC):
    """What every reward formula must do, whatever it rewards."""

    @abstractmethod
    def make(self) -> Reward:
        """Return the reward."""

    def curves(self, arm: Arm, headstart: int) -> list[Curve]:
        """Return curves of an arm that reaches any skill `headstart` checkpoints earlier than with 0."""
        made = []
        for task, questions in TASKS.items():
            for question in range(questions):
                for seed in range(SEEDS):
                    rise = np.clip((np.arange(len(BUDGETS)) + headstart - question / 2) / (len(BUDGETS) - 1), 0.0, 1.0)
                    made.append(
                        _curve(
                            task=task,
                            question=f"{task}-{question}",
                            seed=seed,
                            arm=arm,
                            skill=rise.tolist(),
                            headstart=headstart,
                        )
                    )
        return made

    def test_names_its_formula(self) -> None:
        """A reward has a name and says its formula in words."""
        assert self.make().name
        assert self.make().formula

    def test_no_difference_no_reward(self) -> None:
        """A method that changes nothing earns 0 on every question."""
        score = self.make().score(self.curves("black_box", 0), self.curves("white_box", 0))
        assert score.reward == 0
        assert not any(score.by_question.values())

    def test_better_is_more(self) -> None:
        """An arm that is better everywhere earns more, and one that is worse everywhere less than nothing."""
        reward, black = self.make(), self.curves("black_box", 1)
        rewards = [reward.reward(black, self.curves("white_box", headstart)) for headstart in (0, 1, 2, 3)]
        assert rewards == sorted(rewards)
        assert rewards[0] < 0 < rewards[2]

    def test_mean_of_means(self) -> None:
        """The reward is the mean over tasks of the mean over questions, and every question has one."""
        score = self.make().score(self.curves("black_box", 0), self.curves("white_box", 2))
        assert len(score.by_question) == sum(TASKS.values())
        for task, mean in score.by_task.items():
            assert mean == pytest.approx(
                np.mean([each for (name, _), each in score.by_question.items() if name == task])
            )
        assert score.reward == pytest.approx(np.mean(list(score.by_task.values())))
        assert score.standard_error is None or score.standard_error >= 0

    def test_order_is_nothing(self) -> None:
        """The order of the curves does not matter, to the last bit."""
        reward, black, white = self.make(), self.curves("black_box", 0), self.curves("white_box", 2)
        assert reward.score(black, white) == reward.score(black[::-1], white[::-1])

    def test_a_question_earns_the_same_whatever_stands_beside_it(self) -> None:
        """Also where another question's curves begin at an earlier budget."""
        reward, black, white = self.make(), self.curves("black_box", 0), self.curves("white_box", 2)
        late = {curve.question_hash for curve in black if curve.question_hash.endswith("-0")}
        arms = [
            [_from_third(curve) if curve.question_hash in late else curve for curve in arm] for arm in (black, white)
        ]
        together = reward.by_question(*arms)
        for (task, question), reward_together in together.items():
            alone = [[curve for curve in arm if (curve.task, curve.question_hash) == (task, question)] for arm in arms]
            assert reward.by_question(*alone) == {(task, question): reward_together}

    def test_refuses_what_has_no_partner(self) -> None:
        """Curves that cannot be paired are refused."""
        black, white = self.curves("black_box", 0), self.curves("white_box", 0)
        with pytest.raises(CurveError):
            self.make().reward(black, white[1:])
        with pytest.raises(CurveError):
            self.make().reward([], [])
        with pytest.raises(CurveError):
            self.make().reward([replace(black[0], reference_loss=7.0), *black[1:]], white)


def _from_third(curve: Curve) -> Curve:
    """Return a curve that begins at its third budget."""
    return replace(curve, **{name: getattr(curve, name)[2:] for name in SERIES})


def _curve(*, task: str, question: str, seed: int, arm: Arm, skill: Sequence[float], headstart: int) -> Curve:
    stop = len(BUDGETS) - 2 - headstart
    return Curve(
        task=task,
        question_hash=question,
        seed=seed,
        arm=arm,
        brute_flops=BUDGETS[-1],
        total_rows=100,
        reference_loss=1.0,
        checkpoints=BUDGETS,
        flops=BUDGETS,
        loss=tuple(1.0 - each for each in skill),
        skill=tuple(skill),
        rows=tuple(range(len(BUDGETS))),
        channel_batches=(0,) * len(BUDGETS),
        executor_flops=(0,) * len(BUDGETS),
        stop_flops=BUDGETS[stop],
        stop_rows=stop,
        stop_loss=0.5,
        stop_skill=0.5,
    )
