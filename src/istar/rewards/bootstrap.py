"""Confidence intervals: the hierarchical bootstrap over tasks, questions and executor seeds.

A resample draws tasks, then questions within each drawn task, then seeds within each drawn question, all with
replacement, and takes both arms of whatever it draws, so that what the arms share cancels. A group of one task draws
no tasks. Intervals are percentile intervals, widened for small samples as T. Hesterberg advises (What Teachers Should
Know About the Bootstrap, 2015, "expanded percentile"): the bootstrap of n questions is too narrow by the factor
sqrt((n - 1) / n) and ignores that its own width is an estimate. Over n tasks, which are few, the resamples themselves
are stretched by sqrt(n / (n - 1)). Of a single task's few questions one may be far from the others, and resamples know
no value beyond those seen: there the interval reaches at least as far as Student's t over questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, stdtrit

from istar.seeds import Seed

RESAMPLES = 1000
CONFIDENCE = 0.95

Statistic = Callable[
    [Int[np.ndarray, "draws questions"], Int[np.ndarray, "draws questions seeds"]], Float[np.ndarray, "draws figures"]
]
"""Figures of a task on drawn questions and seeds."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its confidence interval (95 % unless stated otherwise).

    Attributes:
        estimate: the figure on all data.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Sample:
    """The figures of one task: on all data, and resampled.

    Attributes:
        questions: number of questions.
        figures: the figures on all data.
        by_question: the figures of each question alone.
        resampled: the figures of each resample of questions and seeds.
    """

    questions: int
    figures: Float[np.ndarray, " figures"]
    by_question: Float[np.ndarray, "questions figures"]
    resampled: Float[np.ndarray, "resamples figures"]


def resample_task(statistic: Statistic, questions: int, seeds: int, seed: Seed, resamples: int = RESAMPLES) -> Sample:
    """Return a task's figures on all data and on resamples of its questions and seeds.

    Args:
        statistic: computes the figures, vectorised over draws.
        questions: number of questions of the task.
        seeds: number of executor seeds of each question.
        seed: decides the draws.
        resamples: how many.
    """
    generator = seed.generator()
    drawn_questions = generator.integers(questions, size=(resamples, questions))
    drawn_seeds = generator.integers(seeds, size=(resamples, questions, seeds))
    all_seeds = np.broadcast_to(np.arange(seeds), (1, questions, seeds))
    return Sample(
        questions,
        statistic(np.arange(questions)[None], all_seeds)[0],
        statistic(np.arange(questions)[:, None], all_seeds[0][:, None]),
        statistic(drawn_questions, drawn_seeds),
    )


def group_intervals(samples: Sequence[Sample], seed: Seed, confidence: float = CONFIDENCE) -> tuple[Estimate, ...]:
    """Return the mean over tasks of every figure, with its interval.

    Args:
        samples: one for each task of the group; tasks weigh the same.
        seed: decides which tasks are drawn.
        confidence: of the interval, between 0 and 1.
    """
    figures = np.mean([sample.figures for sample in samples], axis=0)
    pool = np.stack([sample.resampled for sample in samples])
    tasks, resamples, _ = pool.shape
    if tasks == 1:
        means = pool[0]
    else:
        generator = seed.generator()
        task = generator.integers(tasks, size=(resamples, tasks))
        means = pool[task, generator.integers(resamples, size=(resamples, tasks))].mean(1)
        means = figures + np.sqrt(tasks / (tasks - 1)) * (means - figures)
    tail = _expanded_tail(sum(sample.questions for sample in samples), confidence)
    low, high = np.quantile(means, [tail, 1.0 - tail], axis=0)
    if tasks == 1 and samples[0].questions > 1:
        far = _student(samples[0].by_question, confidence)
        low, high = np.minimum(low, figures - far), np.maximum(high, figures + far)
    return tuple(
        Estimate(float(each), float(min(below, each)), float(max(above, each)))
        for each, below, above in zip(figures, low, high, strict=True)
    )


def _student(by_question: Float[np.ndarray, "questions figures"], confidence: float) -> Float[np.ndarray, " figures"]:
    """Return half the width of Student's interval of the mean over questions."""
    count = len(by_question)
    quantile = float(stdtrit(count - 1, (1.0 + confidence) / 2))
    half: Float[np.ndarray, " figures"] = quantile * by_question.std(0, ddof=1) / np.sqrt(count)
    return half


def _expanded_tail(count: int, confidence: float) -> float:
    """Return the share of resamples to leave out at each end, given the number of questions."""
    if count < 2:
        return 0.0
    return float(ndtr(np.sqrt(count / (count - 1)) * stdtrit(count - 1, (1.0 - confidence) / 2)))
