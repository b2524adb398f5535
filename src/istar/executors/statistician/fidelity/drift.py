"""Channels where the functional is not linear: they move the prior mean of every row, and shrink its variances.

What a channel says of arms and what it says of the cells of an arm are different things: it may know which arm is best
and nothing of single examples, or the other way round. With arm a, replicate r, values y, prior mean m and channels x,
each is split into a part between arms and a part within arms, levels of replicates left out (`split_levels`):

    A(y)_a = mean over r of (y_ar - mean over a of y_ar),    C(y)_ar = y_ar - mean over a of y_ar - A(y)_a.

On the task's other questions, where all values are known, both parts are regressed on those of x, with m beside them:

    A(y) = A(x)'b + k A(m) + e,    C(y) = C(x)'b' + k' C(m) + e'                       (`LevelDrift`)

and f, the share of the variance that e leaves of what m alone leaves, is measured on questions the slopes were not
fitted to. On the question asked the predictions shift the prior mean, an external drift as in universal kriging
(G. Matheron, Le krigeage universel, 1969):

    y_ar = X_ar beta + z p_a + z' p'_ar + g(a) + h_r(a),    z ~ N(1, v^2),  Var g -> f Var g,  Var h -> f' Var h

where p = A(x)'b + (1 - f) (k - 1) A(m), and z, how much of the prediction holds here, is a fixed effect learned from
bought rows like any other; v is how far it lay from 1 on the other questions. A level whose f is not surely below 1 is
left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import ndtr, stdtrit

from istar.executors.statistician.fidelity.regression import Regression, clipped
from istar.executors.statistician.settings import LEAST_LEFT, LOOSENESS, LOOSENESS_QUESTIONS, NATS
from istar.executors.statistician.table_model.process import (
    Hyperparameters,
    Process,
    ReplicateGroup,
    kernels_of,
    same_columns,
    square_root,
)
from istar.truth.effects.components import REPLICATE, ModelSpace
from istar.truth.effects.grid import Grid, within_replicates


def split_levels(
    columns: Float[np.ndarray, "rows columns"], known: Bool[np.ndarray, " rows"], grid: Grid
) -> tuple[Float[np.ndarray, "arms columns"], Float[np.ndarray, "rows columns"]]:
    """Return what columns say of arms, and of cells beyond arms; levels of replicates are in neither.

    Args:
        columns: a number for each row; anything where unknown.
        known: which rows are known.
        grid: the rows as a grid.

    Returns:
        Means over the known cells of each arm, about their mean (NaN where no cell is known); and what is left of each
        known cell, NaN elsewhere. A question with one arm has only cells.
    """
    rows = np.flatnonzero(known)
    arms = np.full((grid.arms, columns.shape[1]), np.nan)
    cells = np.full(columns.shape, np.nan)
    if not len(rows):
        return arms, cells
    part, arm = within_replicates(columns[rows], grid.replicate[rows]), grid.arm[rows]
    if grid.arms == 1:
        arms[:], cells[rows] = 0.0, part
        return arms, cells
    count = np.bincount(arm, minlength=grid.arms)
    sums = np.stack([np.bincount(arm, column, minlength=grid.arms) for column in part.T], axis=1)
    seen = count > 0
    means = sums[seen] / count[seen, None]
    arms[seen] = means - means.mean(0)
    spread = np.zeros_like(arms)
    spread[seen] = means
    cells[rows] = part - spread[arm]
    return arms, cells


@dataclass(frozen=True)
class LevelSums:
    """Regressions of values on channels and, last, on what is expected without them, on one question.

    Attributes:
        arms: among arms.
        cells: among cells within arms.
    """

    arms: Regression
    cells: Regression

    @classmethod
    def of(
        cls,
        channels: Float[np.ndarray, "rows channels"],
        expected: Float[np.ndarray, " rows"],
        values: Float[np.ndarray, " rows"],
        grid: Grid,
    ) -> LevelSums:
        """Return the sums of a question whose whole table is known.

        Args:
            channels: numbers that the method gave so far; NaN where unknown.
            expected: the prior mean of each row.
            values: the true value of each row.
            grid: the rows as a grid.
        """
        known = ~np.isnan(channels).any(1)
        everything = np.ones_like(known)
        said = split_levels(clipped(channels), known, grid)
        beside = np.column_stack([expected, values])
        # an arm is worth what it is over all replicates, whichever of its cells have channels
        whole, own = split_levels(beside, everything, grid)[0], split_levels(beside, known, grid)[1]
        heard = ~np.isnan(said[0]).any(1)
        arms = _centred(np.column_stack([said[0], whole])[heard])
        cells = np.column_stack([said[1], own])[known]
        return cls(_sums(arms), _sums(cells))


def _centred(columns: Float[np.ndarray, "arms columns"]) -> Float[np.ndarray, "arms columns"]:
    return columns - columns.mean(0) if len(columns) else columns


def _sums(columns: Float[np.ndarray, "units columns"]) -> Regression:
    inner: Float[np.ndarray, "columns columns"] = columns.T @ columns
    return Regression(inner[:-1, :-1], inner[:-1, -1], float(inner[-1, -1]), len(columns))


@dataclass(frozen=True)
class LevelDrift:
    """How a level is predicted from channels.

    Attributes:
        slopes: of the channels.
        expectation: slope of what is expected without them, beyond 1.
        left: share of the level's variance that the prediction leaves; 1 if it is not surely worth anything.
        looseness: standard deviation, about 1, of what the prediction is worth on a question.
    """

    slopes: Float[np.ndarray, " channels"]
    expectation: float
    left: float
    looseness: float

    @property
    def informative(self) -> bool:
        """Whether the prediction is worth anything."""
        return self.left < 1.0

    @classmethod
    def learn(cls, questions: Sequence[Regression]) -> LevelDrift:
        """Return the drift of a further question, given the regressions of others.

        What is left is measured on each question with the slopes of all others, relative to what the expectation alone
        leaves. Nothing is believed unless less than all is left by a standard error over questions, as wide as
        Student's t makes it for so few, and by `NATS`. Of a single question, half of what it promises counts.
        """
        total = sum(questions[1:], questions[0])
        units = sum(max(each.rows - 1, 0) for each in questions)
        left = _left([_cross_fitted(questions, place) for place in range(len(questions))], units)
        slopes, of_channels, worth = _fit(total)
        full = worth - float(slopes @ of_channels)
        # a prediction without content must not pass for one by correcting the expectation
        expectation = (full - 1.0) * (1 - left) if left < 1.0 else 0.0
        looseness = _looseness([_scale(each, slopes, full) for each in questions])
        return cls(slopes if left < 1.0 else np.zeros_like(slopes), expectation, left, looseness)

    def predict(
        self, channels: Float[np.ndarray, "units channels"], expected: Float[np.ndarray, " units"]
    ) -> Float[np.ndarray, " units"]:
        """Return what channels say on top of what is expected anyway; 0 where they are unknown."""
        if not self.informative:
            return np.zeros(len(expected))
        said: Float[np.ndarray, " units"] = np.nan_to_num(channels @ self.slopes + self.expectation * expected)
        return said


def _fit(sums: Regression) -> tuple[Float[np.ndarray, " channels"], Float[np.ndarray, " channels"], float]:
    """Return the slopes of channels beside the expectation, theirs on it, and that of values on it alone."""
    rest, slopes = sums.apart_from_last()
    varies = np.diag(rest.inner) > 1e-9 * np.maximum(np.diag(sums.inner)[:-1], 1e-300)
    fitted = np.zeros(len(varies))
    if varies.any():
        part = Regression(rest.inner[np.ix_(varies, varies)], rest.side[varies], rest.total, rest.rows)
        fitted[varies] = part.slopes()
    return fitted, slopes[:-1], float(slopes[-1])


def _squares(sums: Regression, slopes: Float[np.ndarray, " channels"], expectation: float) -> float:
    """Return the sum of squares that a prediction with these slopes leaves."""
    coefficients = np.append(slopes, expectation)
    return float(sums.total - 2 * coefficients @ sums.side + coefficients @ sums.inner @ coefficients)


def _cross_fitted(questions: Sequence[Regression], place: int) -> tuple[float, float]:
    """Return what the slopes of all other questions leave on one, and what the expectation alone leaves."""
    mine = questions[place]
    others = [each for index, each in enumerate(questions) if index != place] or [mine]
    slopes, of_channels, worth = _fit(sum(others[1:], others[0]))
    alone = _squares(mine, np.zeros_like(slopes), worth)
    return _squares(mine, slopes, worth - float(slopes @ of_channels)), alone


def _left(pairs: Sequence[tuple[float, float]], units: int) -> float:
    """Return the share that predictions leave of what the expectation leaves; 1 if they may foretell nothing.

    Args:
        pairs: for each question the sum of squares with channels, and that without.
        units: how many arms or cells were foretold in all, less one a question.
    """
    with_channels, alone = np.array(pairs).T
    if alone.mean() <= 0:
        return 1.0
    left = max(float(with_channels.mean() / alone.mean()), LEAST_LEFT)
    if len(pairs) == 1:
        left = surely = (1 + left) / 2
    else:
        misses = (with_channels - left * alone) / alone.mean()
        few = float(stdtrit(len(pairs) - 1, ndtr(1.0)))
        surely = left + few * float(misses.std(ddof=1) / np.sqrt(len(pairs)))
    return left if surely < 1.0 and -0.5 * units * np.log(surely) >= NATS else 1.0


def _scale(sums: Regression, slopes: Float[np.ndarray, " channels"], expectation: float) -> float:
    """Return the slope of a question's values on the prediction; 1 where the prediction does not vary."""
    coefficients = np.append(slopes, expectation)
    size = float(coefficients @ sums.inner @ coefficients)
    return float(coefficients @ sums.side) / size if size > 1e-12 * max(sums.total, 1e-300) else 1.0


def _looseness(scales: Sequence[float]) -> float:
    """Return how far a prediction's worth is taken to lie from 1 on a further question."""
    squares = sum((min(abs(each - 1.0), 2.0)) ** 2 for each in scales) + LOOSENESS_QUESTIONS * LOOSENESS**2
    return float(np.sqrt(squares / (len(scales) + LOOSENESS_QUESTIONS)))


@dataclass(frozen=True)
class Drift:
    """How values are predicted from channels after one nested batch.

    Attributes:
        arms: among arms.
        cells: among cells within arms.
    """

    arms: LevelDrift
    cells: LevelDrift

    @classmethod
    def learn(cls, questions: Sequence[LevelSums]) -> Drift:
        """Return the drift of a further question, given the regressions of others after as many batches."""
        arms, cells = ([each.arms for each in questions], [each.cells for each in questions])
        return cls(LevelDrift.learn(arms), LevelDrift.learn(cells))

    @property
    def informative(self) -> bool:
        """Whether channels are worth anything at either level."""
        return self.arms.informative or self.cells.informative


class DriftingProcess(Process):
    """What is believed of a table once channels are heard.

    Args:
        prior: the belief before.
        space: the model of the question.
        beliefs: the hyperparameters of the values.
        channels: numbers that the method gave so far; NaN where unknown.
        drift: how values are predicted from them.
    """

    def __init__(
        self,
        prior: Process,
        space: ModelSpace,
        beliefs: Hyperparameters,
        channels: Float[np.ndarray, "rows channels"],
        drift: Drift,
    ) -> None:
        """See the class docstring."""
        grid, kernels = prior.grid, kernels_of(space, beliefs)
        self.grid, self.arithmetic, self.scale_weight = grid, prior.arithmetic, prior.scale_weight
        self.informed = True
        known = ~np.isnan(channels).any(1)
        of_arms, of_cells, arms = self._predict(prior, channels, known, drift)
        cells = grid.spread(known) > 0
        # where there is one replicate an arm is its cell
        left_by_cells = drift.arms.left if grid.replicates == 1 and grid.arms > 1 else drift.cells.left
        shrink = np.where(arms, np.sqrt(drift.arms.left), 1.0)
        common = kernels.common * np.outer(shrink, shrink)
        self.common_root = square_root(common, 0.01 * kernels.noise * left_by_cells / grid.replicates)
        moves = [(of_arms, drift.arms.looseness), (of_cells, drift.cells.looseness)]
        moves = [(each, looseness) for each, looseness in moves if np.any(each)]
        extra = [looseness * each[..., None] for each, looseness in moves]
        self.design = np.concatenate([prior.design, *extra], axis=2)
        self.prior_mean = prior.prior_mean + sum((each for each, _ in moves), np.zeros_like(prior.prior_mean))
        self.effects, self.rank = self.design.shape[2], self.common_root.shape[1]
        level = beliefs.variances.get(REPLICATE, 0.0)
        self.groups = []
        for replicates in same_columns(cells):
            shrink = np.where(cells[:, replicates[0]], np.sqrt(left_by_cells), 1.0)
            own = (prior.own - level) * np.outer(shrink, shrink) + level
            self.groups.append(ReplicateGroup(replicates, own, self.common_root))
        self.arithmetic.cholesky(grid.arms)
        self.arithmetic.elementwise(channels.size, 8)
        self.arithmetic.elementwise(len(self.groups) * grid.arms**2, 3)

    def _predict(
        self,
        prior: Process,
        channels: Float[np.ndarray, "rows channels"],
        known: Bool[np.ndarray, " rows"],
        drift: Drift,
    ) -> tuple[Float[np.ndarray, "arms replicates"], Float[np.ndarray, "arms replicates"], Bool[np.ndarray, " arms"]]:
        """Return by how much the mean of every cell moves for its arm and for itself, and which arms are heard."""
        grid = prior.grid
        expected = grid.gather(prior.prior_mean)
        said = split_levels(clipped(channels), known, grid)
        whole = split_levels(expected[:, None], np.ones_like(known), grid)[0][:, 0]
        own = split_levels(expected[:, None], known, grid)[1][:, 0]
        heard = ~np.isnan(said[0]).any(1)
        of_arms, of_cells = np.zeros(grid.arms), np.zeros(len(known))
        if grid.arms > 1:
            of_arms[heard] = drift.arms.predict(said[0][heard], whole[heard] - whole[heard].mean())
        of_cells[known] = drift.cells.predict(said[1][known], own[known])
        by_arm = np.repeat(of_arms[:, None], grid.replicates, axis=1)
        return by_arm, grid.spread(of_cells), heard & (grid.arms > 1)
