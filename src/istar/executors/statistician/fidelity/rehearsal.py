"""Preposterior simulation: what channels would have saved on a question whose whole table is known.

Whether channels are worth their price is judged on the task's other questions before they are bought here. On each,
a share s of the rows is bought at random, S_s, and the loss of the answer given them is compared,

    L_rows(s) = mean over draws of loss(answer | y_S),    L_channels(s) = mean over draws of loss(answer | y_S, x),

x being the channels up to a nested batch and the drift of `drift` learned without that question. The expected value of
sample information is the fall from one to the other (H. Raiffa and R. Schlaifer, Applied Statistical Decision Theory,
1961).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from istar.executors.statistician.answers import Answerer
from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.fidelity.drift import Drift, DriftingProcess, LevelSums
from istar.executors.statistician.settings import REHEARSED_PURCHASES, REHEARSED_ROWS, REHEARSED_SHARES
from istar.executors.statistician.table_model.process import Process, kernels_of
from istar.seeds import Seed
from istar.truth.effects.components import model_space

if TYPE_CHECKING:
    from istar.executors.statistician.knowledge import Knowledge
    from istar.methods.recording import Recording
    from istar.truth.table import Table


class Rehearsal:
    """A question whose whole table is known, and what a method said about it.

    Args:
        table: the question with its values.
        recording: what the method said; at least one batch.
        known: what is known beforehand.

    Attributes:
        sums: the regressions of values on the channels, after every nested batch.
    """

    def __init__(self, table: Table, recording: Recording, known: Knowledge) -> None:
        """See the class docstring."""
        question = table.question
        self.question, self._values = question, table.values
        self._space = model_space(question.structure, question.functional)
        self._beliefs = known.prior.hyperparameters(self._space.fixed_names)
        self._grid = self._space.grid
        self._process = Process(self._grid, kernels_of(self._space, self._beliefs), Arithmetic())
        self._knowledge = known
        expected = self._grid.gather(self._process.prior_mean)
        channels = np.full((question.structure.rows, recording.channels), np.nan)
        self._known: list[Bool[np.ndarray, " rows"]] = []
        sums = []
        for batch in recording.batches:
            channels[batch.rows] = batch.channels
            self._known.append(~np.isnan(channels).any(1))
            sums.append(LevelSums.of(channels, expected, table.values, self._grid))
        self._channels = channels
        self.sums = tuple(sums)

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return int(self._channels.shape[1])

    @cached_property
    def _purchases(self) -> tuple[tuple[Bool[np.ndarray, " rows"], ...], ...]:
        structure = self.question.structure
        on_sale = np.flatnonzero(~structure.sealed)
        seed = Seed.root(0).split("rehearsal", self.question.hash)
        purchases = []
        for share in REHEARSED_SHARES:
            size = max(REHEARSED_ROWS, round(share * structure.rows)) if share else 0
            orders = [
                seed.split(number).generator().permutation(on_sale)
                for number in range(REHEARSED_PURCHASES if size else 1)
            ]
            purchases.append(tuple(np.isin(np.arange(structure.rows), order[:size]) for order in orders))
        return tuple(purchases)

    @cached_property
    def _answerer(self) -> Answerer:
        grid, question = self._grid, self.question
        nothing = self._process.condition(np.zeros_like(grid.present), np.zeros(grid.present.shape))
        seed = Seed.root(0).split("rehearsal", question.hash)
        return Answerer(question.structure, question.functional, self._knowledge, nothing, 1.0, seed)

    def _losses(self, belief: Process) -> Float[np.ndarray, " shares"]:
        """Return the mean loss after purchases of every size."""
        return np.array([np.mean([self._loss(belief, bought) for bought in sizes]) for sizes in self._purchases])

    def _loss(self, belief: Process, bought: Bool[np.ndarray, " rows"]) -> float:
        question, grid = self.question, self._grid
        values = grid.spread(np.where(bought, self._values, 0.0))
        answer = self._answerer.answer(belief.condition(grid.spread(bought), values)).centre
        return question.functional.loss(answer, self._values, question.structure)

    @cached_property
    def loss_of_rows(self) -> Float[np.ndarray, " shares"]:
        """The mean loss with rows alone; with none of them, the blind answer's."""
        losses = self._losses(self._process)
        losses[0] = self.question.functional.loss(self._answerer.blind, self._values, self.question.structure)
        return losses

    def loss_with_channels(self, batch: int, drift: Drift) -> Float[np.ndarray, " shares"]:
        """Return the mean loss with the channels up to a batch beside rows.

        Args:
            batch: its place, from 0.
            drift: how values are predicted from channels, learned elsewhere.
        """
        if not drift.informative:
            return self.loss_of_rows
        channels = np.where(self._known[batch][:, None], self._channels, np.nan)
        return self._losses(DriftingProcess(self._process, self._space, self._beliefs, channels, drift))
