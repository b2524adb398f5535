"""What a method's channels were worth on the task's other questions: experience that the white-box arm starts with.

The statistician's prior of a task is learned from the task's other questions, never from the question asked. What it
knows beforehand of a method is learned in the same way: on each of the other questions the method was recorded on,
values are regressed on channels, and what they were worth, their slopes and their prices are averaged. A method that
said nothing elsewhere is then left alone, and one that said much is listened to before a row is bought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from istar.executors.evidence import HYPOTHESES, STEPS
from istar.executors.hindsight import STRIDES, ChannelRecord
from istar.executors.opinion import CORRELATIONS, Agreement, Credit
from istar.executors.regression import Regression

Item = TypeVar("Item")

DOUBT = 0.5
"""How many questions' worth of belief stays with channels that are worth something else here."""
BLUR = 1.0
"""By how many steps of `STEPS` the noise is taken to differ between questions."""
LOOSENESS = 0.5
"""How far the slope is taken to differ between questions, in units of its mean."""
LOOSENESS_QUESTIONS = 2.0
"""How many questions that belief is worth."""


@dataclass(frozen=True)
class Learned:
    """The records of several questions as a belief about another one.

    Attributes:
        trust: probability that the channels are worth there about what they were worth elsewhere.
        useless: probability that they are noise, if so.
        weights: probability of each hypothesis, if they are not.
        slope: mean of the slope, then.
        slope_variance: its variance.
        level: variance of the signal's misses of a replicate's level.
        mixture: weight of each channel in the signal.
    """

    trust: float
    useless: float
    weights: Float[np.ndarray, " hypotheses"]
    slope: float
    slope_variance: float
    level: float
    mixture: Float[np.ndarray, " channels"]


def _blur() -> Float[np.ndarray, "hypotheses hypotheses"]:
    """Return how likely each hypothesis is where another held."""
    steps = np.stack(np.meshgrid(np.arange(len(STEPS)), np.arange(len(STEPS)), indexing="ij"), -1).reshape(-1, 2)
    blur = np.exp(-((steps[:, None] - steps[None]) ** 2).sum(2) / (2 * BLUR**2))
    normal: Float[np.ndarray, "hypotheses hypotheses"] = blur / blur.sum(1, keepdims=True)
    return normal


@dataclass(frozen=True)
class Experience:
    """What is known of a method before it is heard on a question.

    Attributes:
        records: of the questions it was learned from; at least one.
    """

    records: tuple[ChannelRecord, ...]

    def learned(self, channels: int) -> Learned | None:
        """Return the belief about so many channels; None if the records are of another number of them.

        A question on which the method said nothing is one on which its channels were noise.
        """
        spoken = [record.rows for record in self.records if record.rows is not None]
        if {len(record.mixture) for record in spoken} - {channels}:
            return None
        count = len(self.records)
        useless = 1 - sum(1 - record.useless for record in spoken) / count
        trust = count / (count + DOUBT)
        told = [record for record in spoken if record.useless < 1.0]
        if not told:
            even = np.full(len(HYPOTHESES), 1 / len(HYPOTHESES))
            return Learned(trust, 1.0, even, 0.0, 1.0, np.inf, np.ones(channels))
        share = np.array([1 - record.useless for record in told])
        share /= share.sum()
        slopes = np.array([record.slope for record in told])
        slope = float(share @ slopes)
        spread = count * float(share @ (slopes - slope) ** 2) + LOOSENESS_QUESTIONS * LOOSENESS**2 * slope**2
        variance = spread / (count - 1 + LOOSENESS_QUESTIONS) * (1 + 1 / count)
        mixture = share @ np.array([record.mixture for record in told])
        weights = share @ np.array([record.weights for record in told]) @ _blur()
        level = float(share @ np.array([record.level for record in told]))
        return Learned(trust, useless, weights, slope, max(variance, 1e-12), level, mixture)

    def regression(self, channels: int) -> Regression | None:
        """Return the regression on so many channels and on expected values; None if no record has so many."""
        known = [each.opinions.regression for each in self.records if each.opinions is not None]
        known = [each for each in known if len(each.side) == channels + 1]
        return sum(known[1:], known[0]) if known else None

    def credit(self, batches: int) -> Credit:
        """Return how far an opinion after so many nested batches is believed."""
        silent = Agreement(1.0, 0.0, 1.0, 1)
        said = [_at(each.opinions.agreements, batches) if each.opinions else silent for each in self.records]
        return Credit.from_agreements(said)

    def left_by_opinion(self, batches: int) -> float:
        """Return the share of the loss that opinions after so many batches are sure to leave, taken as far as believed.

        The mean over the other questions, and its standard error: with few questions some useless methods look good.
        """
        believed = float(self.credit(batches).weights @ CORRELATIONS)
        left = [
            float(np.interp(believed, STRIDES, _at(list(each.opinions.heard), batches))) if each.opinions else 1.0
            for each in self.records
        ]
        return float(np.mean(left)) + _error(np.array(left), 1.0 - float(np.mean(left)))

    def left_beside_rows(self, batches: int) -> float:
        """Return the share of the loss that channels are sure to leave beside rows, if the functional is not linear.

        As in `left_by_opinion`, with its standard error.
        """
        spoken = [each.rows.beside_rows for each in self.records if each.rows is not None]
        pairs = [_at(list(each), batches) for each in spoken if len(each)]
        if not pairs:
            return 1.0
        # a question on which nothing was said counts as one on which nothing was gained
        silent = [np.full(2, np.mean(pairs, axis=0)[1])] * (len(self.records) - len(pairs))
        heard, alone = np.array([*pairs, *silent]).T
        level = max(float(alone.mean()), 1e-300)
        left = float(heard.mean()) / level
        return left + _error((heard - left * alone) / level, 1.0 - left)

    @cached_property
    def prices(self) -> Float[np.ndarray, " batches"]:
        """Mean price up to the end of each nested batch that all records have, as a share of brute force."""
        spoken = [record.prices for record in self.records if len(record.prices)]
        length = min(map(len, spoken), default=0)
        return np.asarray(np.mean([each[:length] for each in spoken], axis=0)) if spoken else np.zeros(0)

    @cached_property
    def rows_left(self) -> Float[np.ndarray, "budgets 2"]:
        """Budgets as shares of brute force, and the mean share of the loss left there in the black-box arm."""
        known = [record.rows_left for record in self.records]
        budgets = known[0][:, 0]
        left = np.mean([np.interp(budgets, each[:, 0], np.clip(each[:, 1], 0.0, 1.0)) for each in known], axis=0)
        return np.stack([budgets, np.minimum.accumulate(left)], axis=1)


def _error(values: Float[np.ndarray, " questions"], gain: float) -> float:
    """Return the standard error of a mean over questions; of a single one, half of what it promises."""
    if len(values) < 2:
        return 0.5 * abs(gain)
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _at(series: Sequence[Item], batches: int) -> Item:
    """Return what belongs to so many batches, the last there is if fewer were made."""
    return series[min(batches, len(series)) - 1]


def experience_of(records: Sequence[ChannelRecord], exclude: str) -> Experience | None:
    """Return the experience for the question with hash `exclude` from the other questions' records, if there are any.

    A record without channels counts: a method that had nothing to say elsewhere is not expected to speak here.
    """
    others = tuple(record for record in records if record.question != exclude)
    return Experience(others) if others else None
