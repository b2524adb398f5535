"""The prior of a method's fidelity: what its channels were worth on the task's other questions.

The statistician's prior of a table is learned from the task's other questions, never from the question asked, and so is
what it knows of a method before it buys a channel. From the records of the others, j = 1 ... n (`hindsight`):

    regression of values on channels   the normal equations summed over j, X'X = sum X_j'X_j and X'y = sum X_j'y_j
    price of k nested batches          the mean over j
    share of the loss left by rows     the mean over j at each budget, made to fall
    p(rho | k)                         `Credit.from_agreements`, where the functional is linear
    drift after k batches              `Drift.learn`, where it is not
    share of the loss left beside rows a ratio of means over j, L_channels(s) / L_rows(s) of `rehearsal`, each with the
                                       drift learned without j, plus its standard error over j

A question on which the method gave no channel counts as one on which nothing was gained. Shares carry their standard
error on top, since over few questions some useless methods look good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

import numpy as np
from jaxtyping import Float

from istar.executors.statistician.fidelity.drift import Drift
from istar.executors.statistician.fidelity.hindsight import ChannelRecord
from istar.executors.statistician.fidelity.opinion import Agreement, Credit
from istar.executors.statistician.fidelity.regression import Regression
from istar.executors.statistician.fidelity.rehearsal import Rehearsal
from istar.executors.statistician.settings import CORRELATIONS, DOUBTFUL, STRIDES, TRIED

Item = TypeVar("Item")
Losses: TypeAlias = Float[np.ndarray, "questions shares"]


@dataclass(frozen=True)
class Experience:
    """What is known of a method before it is heard on a question.

    Attributes:
        records: of the questions it was learned from; at least one.
    """

    records: tuple[ChannelRecord, ...]

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

    def convinces(self, batches: int, *, linear: bool) -> bool:
        """Return whether the method is likely enough to be worth something, as far as other questions tell.

        Args:
            batches: how many nested batches of channels are offered.
            linear: whether the answer is linear in the values and read off the channels, or values are foretold first.
        """
        if linear:
            return self.credit(batches).useless <= DOUBTFUL
        drift = self.drift(batches)
        return drift is not None and drift.informative

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

    @cached_property
    def rehearsals(self) -> tuple[Rehearsal, ...]:
        """The questions on which the method said something, where the functional is not linear."""
        spoken = tuple(each.rehearsal for each in self.records if each.rehearsal is not None)
        return spoken if len({each.channels for each in spoken}) == 1 else ()

    def drift(self, batches: int) -> Drift | None:
        """Return how values are predicted from channels after so many batches; None if nothing is known of it."""
        return self._drifts[min(batches, len(self._drifts)) - 1] if self._drifts else None

    @cached_property
    def _drifts(self) -> tuple[Drift, ...]:
        return _drifts(self.rehearsals)

    def left_with_rows(self, batches: int, by_rows: Float[np.ndarray, " budgets"]) -> Float[np.ndarray, " budgets"]:
        """Return the share of the loss that channels are sure to leave where rows alone leave so much.

        What rehearsals leave beside rows goes with what they leave without channels, not with the number of rows: an
        executor that buys rows in a good order is further along. The standard error over questions counts on top.

        Args:
            batches: how many nested batches of channels are known.
            by_rows: the share of the blind answer's loss that rows alone leave.
        """
        if not self._drifts:
            return by_rows
        with_channels, alone = self._rehearsed[min(batches, len(self._drifts)) - 1]
        level = max(float(alone[:, 0].mean()), 1e-300)
        heard, unheard = with_channels.mean(0) / level, alone.mean(0) / level
        left = heard / np.maximum(unheard, 1e-9)
        misses = (with_channels - left * alone) / level
        # a question on which nothing was said counts as one on which nothing was gained
        silent = 1 - len(self.rehearsals) / len(self.records)
        heard = silent * unheard + (1 - silent) * heard
        errors = np.array([_error(each, float(gain)) for each, gain in zip(misses.T, unheard - heard, strict=True)])
        order = np.argsort(unheard, kind="stable")
        known, expected = np.r_[0.0, unheard[order]], np.r_[0.0, (heard + errors)[order]]
        return np.asarray(np.interp(by_rows, known, expected))

    @cached_property
    def _rehearsed(
        self,
    ) -> tuple[tuple[Float[np.ndarray, "questions shares"], Float[np.ndarray, "questions shares"]], ...]:
        """The losses of rehearsals with channels and without, after every batch.

        On each question values are predicted by what the others taught, or, if there is no other, by itself.
        """
        alone = np.stack([each.loss_of_rows for each in self.rehearsals])
        others = [[o for o in self.rehearsals if o is not each] or [each] for each in self.rehearsals]
        taught = [_drifts(each) for each in others]
        count = len(self._drifts)
        found: dict[int, Losses] = {}
        rehearsed = []
        for batch in range(count):
            place = batch - (batch - count + 1) % TRIED
            if place < 0:
                rehearsed.append((alone, alone))
                continue
            if place not in found:
                pairs = zip(self.rehearsals, taught, strict=True)
                found[place] = np.stack([each.loss_with_channels(place, drifts[place]) for each, drifts in pairs])
            rehearsed.append((found[place], alone))
        return tuple(rehearsed)

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


def _drifts(rehearsals: Sequence[Rehearsal]) -> tuple[Drift, ...]:
    """Return the drift after every batch that all rehearsals have."""
    length = min((len(each.sums) for each in rehearsals), default=0)
    return tuple(Drift.learn([each.sums[batch] for each in rehearsals]) for batch in range(length))


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
