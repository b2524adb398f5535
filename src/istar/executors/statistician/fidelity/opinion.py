"""The answer that a method's channels alone would give, and how far it is believed.

Where the functional is linear, what channels are worth is best seen in the answer: a channel may be poor row by row and
yet right about what the answer sums up, and the other way round. With y the column of values, m its prior mean, x the
channels, and a = w'y the answer, all as deviations from the blind answer w'm:

    u = b'x + c m            regression of y on x and m within replicates (`regression`)
    s = u - (what m alone foretells of u)                                 (`surprise`)
    o = w' E[y | y_K = m_K + s_K],   K the rows whose channels are known  (`opinion`)

The expectation m is among the regressors, so that what the statistician expects of a row anyway is not credited to the
method. In units of the answer's prior standard deviation, output by output, the model of the truth t is

    t | o, rho ~ N(rho g o, 1 - rho^2),    g = sqrt(sum t^2 / sum o^2) over the task's other questions,

with rho on the grid `CORRELATIONS`, half of its prior on rho = 0 and the rest even, times the likelihood of the other
questions to the power `KINSHIP` (a power likelihood), for each number of nested batches (`Credit.from_agreements`).
Bought rows say t ~ N(d, q), with q the share of the prior variance that they leave; their information beyond the prior,
precision 1/q - 1, reweighs rho and is combined with the above (`Credit.listen`). This is the autoregressive model of
Kennedy & O'Hagan (Biometrika 87, 2000) for one answer, with the correlation averaged over its posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.statistician.fidelity.regression import Regression
from istar.executors.statistician.settings import BLUR, CORRELATIONS, KINSHIP, USELESS
from istar.executors.statistician.table_model.process import Process
from istar.truth.effects.grid import Grid


def regression(
    channels: Float[np.ndarray, "rows channels"],
    expected: Float[np.ndarray, " rows"],
    values: Float[np.ndarray, " rows"],
    replicate: Int[np.ndarray, " rows"],
    rows: Int[np.ndarray, " used"],
) -> Regression:
    """Return the regression of values on channels and on what is expected of each row without them, the last."""
    return Regression.of(np.column_stack([channels, expected]), values, replicate, rows)


def surprise(
    fitted: Regression, channels: Float[np.ndarray, "rows channels"], expected: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " rows"]:
    """Return by how much channels say that values differ from what is expected, up to a constant.

    Without the expectation among the regressors, channels that say nothing would say that all rows are alike. And how
    far the expectation is to be trusted when it stands alone is not to the credit of such channels: it is held against
    what the expectation is worth alone, or against the expectation as it is, in the measure that the channels explain.

    Args:
        fitted: what `regression` returned, or a sum of these.
        channels: numbers that the method gave; NaN where unknown.
        expected: the prior mean of each row.
    """
    rest, slopes = fitted.apart_from_last()
    worth = slopes[-1]
    held_against = worth + (1 - worth) * rest.explained()
    apart = channels - expected[:, None] * slopes[:-1]
    beyond: Float[np.ndarray, " rows"] = apart @ rest.slopes() + (worth - held_against) * expected
    return beyond


def opinion(
    process: Process,
    weights: Float[np.ndarray, "outputs arms replicates"],
    grid: Grid,
    surprises: Float[np.ndarray, " rows"],
    known: Bool[np.ndarray, " rows"],
) -> Float[np.ndarray, " outputs"]:
    """Return the answer as if values were what is expected and the surprises on top.

    Args:
        process: what is believed of the table.
        weights: the functional.
        grid: the rows as a grid.
        surprises: see `surprise`; anything where unknown.
        known: rows of which they are known.
    """
    apart = grid.spread(np.where(known, surprises - surprises[known].mean(), 0.0))
    answer: Float[np.ndarray, " outputs"] = (
        process.condition(grid.spread(known), process.prior_mean + apart).linear(weights).mean
    )
    return answer


@dataclass(frozen=True)
class Agreement:
    """How an opinion compares with the truth on one question; both in prior standard deviations of each output.

    Attributes:
        opinions: sum of squares of the opinion.
        products: sum of the products of opinion and truth.
        truths: sum of squares of the truth.
        outputs: how many outputs.
    """

    opinions: float
    products: float
    truths: float
    outputs: int

    @classmethod
    def of(
        cls,
        opinion: Float[np.ndarray, " outputs"],
        truth: Float[np.ndarray, " outputs"],
        variance: Float[np.ndarray, " outputs"],
    ) -> Agreement:
        """Compare deviations from the blind answer, given the truth's prior variance."""
        said, true = opinion / np.sqrt(variance), truth / np.sqrt(variance)
        return cls(float(said @ said), float(said @ true), float(true @ true), len(said))

    @property
    def scale(self) -> float:
        """The factor that brings the opinion to the size of the truth."""
        return float(np.sqrt(self.truths / self.opinions)) if self.opinions > 0 else 0.0


@dataclass(frozen=True)
class Credit:
    """How far opinions are believed.

    Attributes:
        weights: probability of each of `CORRELATIONS`.
        scale: factor that brings opinions to the size of truths.
    """

    weights: Float[np.ndarray, " hypotheses"]
    scale: float

    @classmethod
    def of_a_stranger(cls, useless: float, explained: float) -> Credit:
        """Return the credit of a method that was never heard before, by what its channels are worth row by row.

        Args:
            useless: probability that they are noise.
            explained: share of the answer's variance that they are thought to explain if they are not.
        """
        near = np.exp(
            -0.5 * ((np.arctanh(CORRELATIONS) - np.arctanh(np.sqrt(min(explained, CORRELATIONS[-1] ** 2)))) / BLUR) ** 2
        )
        near[0] = 0.0
        weights = (1 - useless) * near / max(float(near.sum()), 1e-300)
        weights[0] = max(0.0, 1 - weights.sum())
        # a signal on the scale of the values gives opinions that are cautious already
        return cls(weights, 1 / np.sqrt(max(explained, 1e-6)))

    @classmethod
    def from_agreements(cls, agreements: Sequence[Agreement]) -> Credit:
        """Return the credit that a method has earned on other questions."""
        opinions = sum(each.opinions for each in agreements)
        truths = sum(each.truths for each in agreements)
        if opinions <= 0 or truths <= 0:
            return cls(np.eye(len(CORRELATIONS))[0], 1.0)
        scale, size = np.sqrt(truths / opinions), truths / sum(each.outputs for each in agreements)
        rest = 1 - CORRELATIONS**2
        logs = np.log(np.where(CORRELATIONS > 0, (1 - USELESS) / (len(CORRELATIONS) - 1), USELESS))
        for each in agreements:
            misses = (
                each.truths - 2 * CORRELATIONS * scale * each.products + (CORRELATIONS * scale) ** 2 * each.opinions
            )
            logs -= 0.5 * KINSHIP * (each.outputs * np.log(rest) + misses / (rest * size))
        weights = np.exp(logs - logs.max())
        return cls(weights / weights.sum(), float(scale))

    @property
    def useless(self) -> float:
        """Probability that the opinion is noise."""
        return float(self.weights[0])

    @property
    def remaining(self) -> float:
        """The share of the answer's variance that the opinion is expected to leave."""
        return float((1 - CORRELATIONS**2) @ self.weights)

    def listen(
        self,
        said: Float[np.ndarray, " outputs"],
        variance: Float[np.ndarray, " outputs"],
        centre: Float[np.ndarray, " outputs"],
        spread: Float[np.ndarray, " outputs"],
    ) -> tuple[Float[np.ndarray, " outputs"], Float[np.ndarray, " outputs"], Credit]:
        """Combine what rows say with an opinion; everything as deviation from the blind answer.

        Args:
            said: the opinion.
            variance: the truth's prior variance.
            centre: the answer by rows.
            spread: its posterior standard deviation.

        Returns:
            The combined answer, its standard deviation, and the credit that is left in view of the rows.
        """
        root = np.sqrt(variance)
        heard = self.scale * said / root
        doubt = np.clip(spread**2 / variance, 1e-12, 1 - 1e-9)
        rows, pull = 1 / doubt - 1, centre / root / doubt
        rho = CORRELATIONS[:, None]
        rest = 1 - rho**2
        misses, expected = pull / rows - rho * heard, rest + 1 / rows
        logs = np.log(self.weights + 1e-300) - 0.5 * (np.log(expected) + misses**2 / expected).sum(1)
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        precision = rows + 1 / rest
        means = (pull + rho * heard / rest) / precision
        mean = weights @ means
        combined = weights @ (1 / precision + (means - mean) ** 2)
        return mean * root, np.sqrt(combined) * root, Credit(weights, self.scale)
