"""Hearing channels: how a method's numbers become signals of values, level by level.

Of a method known from other questions the slopes are known (`prior`). Those of one never heard before are learned from
rows known both ways, weighted by the prior covariance of their values (generalised least squares), and each such row is
foretold by slopes that the others teach. A report of more variance than the values have at a level is part noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.fidelity.level_model import LevelModel
from istar.executors.statistician.fidelity.levels import Levels, cleaned
from istar.executors.statistician.fidelity.posterior import Evidence, Fidelity
from istar.executors.statistician.fidelity.prior import Appraisal, FidelityPrior
from istar.executors.statistician.fidelity.regression import Sums, slopes
from istar.executors.statistician.settings import (
    LEAST_EXPLAINED,
    LEAST_ROWS,
    MOST_ROWS,
    SIZE_ERROR,
    STRANGE_LOOSENESS,
)


def appraise(
    question: str,
    channels: Float[np.ndarray, "rows channels"],
    values: Float[np.ndarray, " rows"],
    expected: Float[np.ndarray, " rows"],
    levels: Levels,
    prices: Float[np.ndarray, " batches"],
    rows_left: Float[np.ndarray, "budgets 2"],
) -> Appraisal:
    """Return what channels were worth on a question whose whole table is known; see `Appraisal`."""
    sums: dict[str, Sums] = {}
    unit = np.ones(2 * channels.shape[1])
    known = np.isfinite(channels).all(1)
    if channels.shape[1] and known.any():
        features, unit = cleaned(channels)
        columns = np.column_stack([features, expected, values - expected])
        for level, part in levels.split(columns, known).items():
            heard = part[np.isfinite(part).all(1)]
            sums[level] = Sums.of(heard[:, :-1], heard[:, -1])
    return Appraisal(question, prices, rows_left, sums, unit)


@dataclass(frozen=True)
class Signals:
    """What the channels bought so far say, level by level.

    Attributes:
        units: the signal of each unit of a level times the share that is told of it; 0 where nothing is known.
        heard: the part of it that is the channels' alone, whose scale is uncertain.
        told: how much of each unit is told.
        scaled: what the prediction of each level was multiplied with.
        looseness: by level, how far the signal's scale may lie from 1.
        verified: signals at rows known both ways, each as the other rows teach it, where they taught the slopes.
        verified_heard: the channels' part of these.
    """

    units: Mapping[str, Float[np.ndarray, " units"]]
    heard: Mapping[str, Float[np.ndarray, " units"]]
    told: Mapping[str, Float[np.ndarray, " units"]]
    scaled: Mapping[str, float]
    looseness: Float[np.ndarray, " levels"]
    verified: Float[np.ndarray, "levels rows"]
    verified_heard: Float[np.ndarray, "levels rows"]


class Listener:
    """Hears the channels of one question.

    Args:
        model: the prior of the table, level by level.
        prior: what is known of the method.
        expected: the prior mean of each row.
        arithmetic: where the operations are counted.
        scale_weight: degrees of freedom of the overall scale.
    """

    def __init__(
        self,
        model: LevelModel,
        prior: FidelityPrior,
        expected: Float[np.ndarray, " rows"],
        arithmetic: Arithmetic,
        scale_weight: float,
    ) -> None:
        """See the class docstring."""
        self.model, self.prior, self.expected = model, prior, expected
        self.arithmetic, self.scale_weight = arithmetic, scale_weight
        correlations = prior.correlations(model.names)
        count = len(correlations)
        self.before = Fidelity(correlations, np.full(count, 1 / count), self._looseness())

    def _looseness(self) -> Float[np.ndarray, " levels"]:
        levels = (self.prior.levels.get(each) for each in self.model.names)
        return np.array([STRANGE_LOOSENESS if each is None else each.looseness for each in levels])

    def hear(
        self,
        channels: Float[np.ndarray, "rows channels"],
        values: Float[np.ndarray, " rows"],
        bought: Bool[np.ndarray, " rows"],
        most: int = MOST_ROWS,
    ) -> tuple[Signals, Fidelity]:
        """Return the signals of the channels bought so far, and what is believed of them.

        Args:
            channels: NaN where unknown.
            values: of the bought rows, anything elsewhere.
            bought: which rows are bought.
            most: at most so many rows known both ways are used.
        """
        known = np.isfinite(channels).all(1)
        both = np.flatnonzero(known & bought)
        if len(both) > most:
            both = both[np.linspace(0, len(both) - 1, most).astype(np.int64)]
        features, unit = cleaned(channels)
        columns = np.column_stack([features * unit if self.prior.as_given else features, self.expected])
        beyond = np.nan_to_num(values)[both] - self.expected[both]
        covariances, base = self.model.covariances(both)
        if self.prior.known:
            signals = self._known(columns, known, both)
        else:
            signals = self._strange(columns, known, both, beyond, covariances.sum(0) + base)
        if known.sum() >= LEAST_ROWS and not features[known].any():  # constant: nothing to hear, at whatever price
            return signals, Fidelity(0.0 * self.before.correlations, self.before.weights, signals.looseness)
        if len(both) < (1 if self.prior.known else LEAST_ROWS):
            return signals, self.before
        base = base + sum(self.model.offsets(signals.told).values())
        told = np.stack([self.model.levels.shares_at_rows(each, signals.told[each])[both] for each in self.model.names])
        silent = [not np.any(signals.units[each]) for each in self.model.names]
        rho = np.where(silent, 0.0, self.before.correlations)
        weights = self.before.weights
        if not self.prior.known:
            rho = self._averaged(signals, rho)
            weights = weights * np.exp(-self._surprises(signals, rho))
        before = Fidelity(rho, weights / weights.sum(), signals.looseness)
        evidence = Evidence(
            beyond, signals.verified, signals.verified_heard, covariances, told, base, self.scale_weight
        )
        return signals, evidence.weigh(before, self.arithmetic)

    def _averaged(
        self, signals: Signals, rho: Float[np.ndarray, "hypotheses levels"]
    ) -> Float[np.ndarray, "hypotheses levels"]:
        """Return correlations of arms and replicates that are no higher than the noise of their cells allows.

        A mean over n cells has an nth of their noise, whatever else it has.
        """
        model, found = self.model, rho.copy()
        if len(model.names) == 1:
            return rho
        cells = model.names.index("cells")
        report = float((signals.units["cells"] ** 2).mean()) / signals.scaled["cells"] ** 2
        noise = report * (1 - rho[:, cells] ** 2)
        shares = {"contrasts": model.dilution, "arms": 1 / model.grid.replicates, "replicates": 1 / model.grid.arms}
        for place, level in enumerate(model.names[:-1]):
            size = model.size(level)
            most = np.sqrt(size / np.maximum(size + noise * shares[level], 1e-300))
            found[:, place] = np.minimum(rho[:, place], most)
        return found

    def _surprises(
        self, signals: Signals, rho: Float[np.ndarray, "hypotheses levels"]
    ) -> Float[np.ndarray, " hypotheses"]:
        """Return how much each hypothesis is contradicted by the size of the signals, in nats.

        A report y + n with noise n has the variance Var y / rho^2. What a signal had to be scaled down by says how
        large rho can be, as far as Var y is known: its logarithm is off by `SIZE_ERROR` on a question, and as units are
        few.
        """
        found = np.zeros(len(rho))
        for place, level in enumerate(self.model.names):
            excess = -2 * np.log(signals.scaled[level])
            if excess > 0:
                missed = np.maximum(excess + 2 * np.log(np.maximum(rho[:, place], 1e-3)), 0.0)
                units = max(int((signals.told[level] > 0).sum()), 1)
                found += 0.5 * missed**2 / (SIZE_ERROR**2 + 2 / units)
        return found

    def _signals(
        self,
        columns: Float[np.ndarray, "rows regressors"],
        known: Bool[np.ndarray, " rows"],
        both: Int[np.ndarray, " both"],
        fitted: Mapping[str, tuple[Float[np.ndarray, " regressors"], float]],
        left_out: Float[np.ndarray, "both regressors"] | None,
    ) -> Signals:
        """Return the signals.

        Args:
            columns: the regressors of each row.
            known: rows of which they are known.
            both: rows known both ways.
            fitted: slopes and scale of each level.
            left_out: the slopes that the other rows known both ways teach, for each of them.
        """
        model = self.model
        units, heard, told, verified, verified_heard = {}, {}, {}, [], []
        for level, part in model.levels.split(columns, known).items():
            told[level] = model.covered(level, known)
            said = np.nan_to_num(part)
            beta, scale = fitted.get(level, (np.zeros(columns.shape[1]), 0.0))
            # of what is told in part, this much is expected; contrasts are expected ones already
            expected = scale * (told[level] if level != "contrasts" else np.ones(len(said)))
            units[level] = expected * (said @ beta)
            heard[level] = expected * (said[:, :-1] @ beta[:-1])
            if left_out is None:
                verified.append(model.levels.at_rows(level, units[level])[both])
                verified_heard.append(model.levels.at_rows(level, heard[level])[both])
            else:
                mine = model.levels.at_rows(level, expected[:, None] * said)[both] * left_out
                verified.append(mine.sum(1))
                verified_heard.append(mine[:, :-1].sum(1))
        self.arithmetic.elementwise(columns.size, 4 * len(model.names))
        scaled = {level: fitted[level][1] if level in fitted else 1.0 for level in model.names}
        return Signals(units, heard, told, scaled, self._looseness(), np.stack(verified), np.stack(verified_heard))

    def _known(
        self,
        columns: Float[np.ndarray, "rows regressors"],
        known: Bool[np.ndarray, " rows"],
        both: Int[np.ndarray, " both"],
    ) -> Signals:
        fitted = {
            level: (each.slopes, each.scale)
            for level, each in self.prior.levels.items()
            if len(each.slopes) == columns.shape[1]
        }
        return self._signals(columns, known, both, fitted, None)

    def _strange(
        self,
        columns: Float[np.ndarray, "rows regressors"],
        known: Bool[np.ndarray, " rows"],
        both: Int[np.ndarray, " both"],
        beyond: Float[np.ndarray, " both"],
        covariance: Float[np.ndarray, "both both"],
    ) -> Signals:
        """Return the signals of a method never heard before: rows known both ways teach the slopes."""
        width = columns.shape[1]
        if len(both) < LEAST_ROWS:
            return self._signals(columns, known, both, {}, None)
        columns = self._apart_from_expected(columns, known)
        factor = np.linalg.cholesky(covariance + 1e-9 * np.trace(covariance) / len(both) * np.eye(len(both)))
        white = np.linalg.solve(factor, np.column_stack([columns[both], beyond]))
        self.arithmetic.cholesky(len(both))
        self.arithmetic.triangular_solve(len(both), width + 1)
        whole = Sums.of(white[:, :-1], white[:, -1])
        beta = slopes(whole)
        left_out = np.stack(
            [
                slopes(
                    Sums(
                        whole.inner - np.outer(row[:-1], row[:-1]),
                        whole.side - row[:-1] * row[-1],
                        whole.total - row[-1] ** 2,
                        whole.units - 1,
                    )
                )
                for row in white
            ]
        )
        self.arithmetic.flops += 2 * len(both) * (2 * width**3 + 8 * width**2)
        missed = white[:, -1] - (white[:, :-1] * left_out).sum(1)
        explained = 1 - float(missed @ missed) / max(whole.total, 1e-300)
        report, fitted = beta / max(explained, LEAST_EXPLAINED), {}
        for level, part in self.model.levels.split(columns, known).items():
            said = part[np.isfinite(part).all(1)] @ report
            # a report of more variance than the values have is part noise
            there = self.model.size(level)
            excess = max(float((said**2).mean()) / max(there, 1e-300), 1.0) if len(said) else 1.0
            fitted[level] = (report, float(1 / np.sqrt(excess)))
        return self._signals(columns, known, both, fitted, left_out / max(explained, LEAST_EXPLAINED))

    def _apart_from_expected(
        self, columns: Float[np.ndarray, "rows regressors"], known: Bool[np.ndarray, " rows"]
    ) -> Float[np.ndarray, "rows regressors"]:
        """Return what each level of the channels has beyond its regression on the prior mean.

        The values beyond their prior mean do not go with it; so what channels that foretell the values hold of it can
        be told from all rows that have channels, and needs none of the few that are known both ways.
        """
        apart = np.zeros_like(columns)
        for level, part in self.model.levels.split(columns, known).items():
            said = np.nan_to_num(part)
            size = float(said[:, -1] @ said[:, -1])
            if size > 1e-12 * self.model.size(level):
                slope = said[:, -1] @ said / size
                explained = slope**2 * size
                free = max(int(np.isfinite(part).all(1).sum()) - 2, 1)
                chance = (np.sum(said**2, axis=0) - explained) / free
                # of few units much goes with anything: James-Stein's factor, its positive part
                said = said - np.outer(said[:, -1], slope * np.clip(1 - chance / np.maximum(explained, 1e-300), 0, 1))
            apart += self.model.levels.at_rows(level, said)
        apart[:, -1] = columns[:, -1]
        return np.where(known[:, None], apart, np.nan)
