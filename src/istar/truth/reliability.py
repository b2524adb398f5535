"""Reliability: would the answer be the same with other queries, examples or phrasings?

A table's replicates (the levels of its nuisance columns) are a sample. An answer that changes when they are drawn anew
is noise, and no method can be credited for predicting it.

*Answers of three or more outputs* (Shapley values, effects): per table, the correlation between the answers of two
random halves of the replicates, stepped up to the full number by Spearman and Brown's formula, averaged over splits.

*Answers of one or two outputs* (a ceiling, a quantile) have nothing to correlate within a table. Their reliability is
that of the task: the share of the variance of the answer between questions that is not sampling noise,
1 - mean noise variance / variance between questions (an intraclass correlation), averaged over outputs. The noise
variance is a quarter of the mean squared difference between the answers of two halves; halves are made of blocks of
four neighbouring replicates, so that a designed alternation (even and odd halves, classes) stays in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int

from istar.questions import Question
from istar.seeds import Seed

FLOOR = 0.8
"""Tasks of lower reliability are dropped."""

SPLITS = 32
SEED = Seed.root(0).split("reliability")
VECTOR = 3
BLOCK = 4
FEWEST_QUESTIONS = 3

Halves = tuple[Float[np.ndarray, " outputs"], Float[np.ndarray, " outputs"]]


def _replicates(question: Question) -> Int[np.ndarray, " rows"]:
    """Return the replicate of each row: the combination of its nuisance columns."""
    columns = [column.array for column in question.structure.of("nuisance")]
    if not columns:
        return np.zeros(len(question.runs), dtype=np.int64)
    replicate: Int[np.ndarray, " rows"] = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1]
    return replicate.reshape(-1)


def _split_halves(question: Question, values: Float[np.ndarray, " rows"], block: int) -> Iterator[Halves]:
    replicate = _replicates(question)
    blocks = replicate // block
    count = int(blocks.max()) + 1
    if count < 2:
        return
    generator = SEED.generator()
    for _ in range(SPLITS):
        first = np.isin(blocks, generator.permutation(count)[: count // 2])
        first_answer, second_answer = (
            question.functional.answer(values[half], question.structure.take(half)) for half in (first, ~first)
        )
        yield first_answer, second_answer


def split_half_reliability(question: Question, values: Float[np.ndarray, " rows"]) -> float | None:
    """Return the Spearman-Brown reliability of an answer of three or more outputs, else None.

    Args:
        question: its nuisance columns name the replicates.
        values: the true values.

    Returns:
        A number up to 1; 0 where a half's answer is constant or halves disagree.
    """
    correlations = []
    for first, second in _split_halves(question, values, 1):
        if len(first) < VECTOR:
            return None
        if first.std() == 0 or second.std() == 0:
            correlations.append(0.0)
        else:
            correlations.append(float(np.corrcoef(first, second)[0, 1]))
    if not correlations:
        return None
    mean = max(float(np.mean(correlations)), 0.0)
    return 2 * mean / (1 + mean)


def sampling_noise(question: Question, values: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " outputs"]:
    """Return the standard deviation of each output of the answer over draws of the replicates.

    Raises:
        FunctionalError: the functional cannot be evaluated on half of the replicates.
    """
    block = BLOCK if _replicates(question).max() + 1 >= 4 * BLOCK else 1
    squares = [(first - second) ** 2 for first, second in _split_halves(question, values, block)]
    if not squares:
        return np.zeros_like(question.functional.answer(values, question.structure))
    noise: Float[np.ndarray, " outputs"] = np.sqrt(np.mean(squares, axis=0) / 4)
    return noise


def between_question_reliability(
    answers: Sequence[Float[np.ndarray, " outputs"]], noise: Sequence[Float[np.ndarray, " outputs"]]
) -> float | None:
    """Return the share of the variance of an answer between questions that is not noise, averaged over outputs.

    Args:
        answers: the answer of each question.
        noise: the standard deviation of each.

    Returns:
        A number from 0 to 1, or None for fewer than three questions.
    """
    if len(answers) < FEWEST_QUESTIONS:
        return None
    between = np.var(np.stack(answers), axis=0, ddof=1)
    within = np.mean(np.stack(noise) ** 2, axis=0)
    share = np.where(between > 0, 1 - within / np.where(between > 0, between, 1.0), 0.0)
    return float(np.clip(share, 0, 1).mean())
