"""What a researcher is told: rewards in training, question by question, with the curves that they were computed from.

All of it is plain data of training questions; of validation there is only what the guard has published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class ArmCurve:
    """One arm's answers to one question at growing FLOP budgets, under one seed of the executor.

    The series have one entry a budget.

    Attributes:
        seed: the number of the executor's seed, the same in both arms.
        budgets: FLOP budgets, ascending, the last one being brute force.
        flops: FLOPs spent within each.
        skill: skill of the answer given: 1 is the truth, 0 blind.
        rows: rows bought.
        channel_batches: batches of channels bought; zeros without a method.
        stop_flops: FLOPs spent where the executor's own rule stopped.
        stop_skill: skill of the answer given there.
    """

    seed: int
    budgets: tuple[int, ...]
    flops: tuple[int, ...]
    skill: tuple[float, ...]
    rows: tuple[int, ...]
    channel_batches: tuple[int, ...]
    stop_flops: int
    stop_skill: float


@dataclass(frozen=True)
class QuestionFeedback:
    """A method on one training question.

    Attributes:
        task: the task's name.
        question: the question's hash.
        index: its number within the task.
        reward: the reward formula on this question alone; None if the method failed on it.
        cost: FLOPs of recording the method on it, as a share of brute force.
        baseline: curves without the method, one a seed.
        interp: curves with it; none if it failed.
        error: why it failed, empty if it did not.
    """

    task: str
    question: str
    index: int
    reward: float | None
    cost: float
    baseline: tuple[ArmCurve, ...] = ()
    interp: tuple[ArmCurve, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Feedback:
    """What a researcher may learn of one of its proposals.

    Attributes:
        reward: the training reward, in full; of a method that the cascade stopped, that of the stage it reached;
            None of one that failed.
        stage: the last stage of the cascade that it reached.
        validation: the best validation reward that the guard has published so far, None while it has published none.
        best: whether this proposal is the one the guard has just published.
        error: what went wrong, None if nothing did.
        cost: what recording the method took on training questions, as a mean share of brute force; None of one that
            did not come through training.
        families: the training reward by family; empty where `cost` is None.
        questions: how it did on each training question that it was asked, those of the screen if it came no further.
    """

    reward: float | None
    stage: str = "train"
    validation: float | None = None
    best: bool = False
    error: str | None = None
    cost: float | None = None
    families: Mapping[str, float] = field(default_factory=dict)
    questions: tuple[QuestionFeedback, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the feedback as JSON values."""
        return asdict(self)


def feedback_from_json(data: Mapping[str, Any]) -> Feedback:
    """Return the feedback that `to_json` described."""
    return Feedback(**{**data, "questions": tuple(question_from_json(each) for each in data["questions"])})


def question_from_json(data: Mapping[str, Any]) -> QuestionFeedback:
    """Return the question's feedback that `dataclasses.asdict` described."""
    arms = {arm: tuple(_curve_from_json(each) for each in data[arm]) for arm in ("baseline", "interp")}
    return QuestionFeedback(**{**data, **arms})


def _curve_from_json(data: Mapping[str, Any]) -> ArmCurve:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    return ArmCurve(**values)
