"""What a method's channels were worth on a question whose whole table is known: one record a question.

Where the functional is linear that is how near their opinion came to the answer, else how closely they followed arms
and cells, and what they would have saved there (`rehearsal`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.design.adaptive import design_weights
from istar.executors.statistician.fidelity.opinion import Agreement, opinion, regression, surprise
from istar.executors.statistician.fidelity.regression import Regression, clipped
from istar.executors.statistician.fidelity.rehearsal import Rehearsal
from istar.executors.statistician.settings import STRIDES
from istar.executors.statistician.table_model.process import Hyperparameters, Process, kernels_of
from istar.truth.effects.components import ModelSpace, model_space

if TYPE_CHECKING:
    from istar.executors.history import Heard
    from istar.executors.statistician.knowledge import Knowledge
    from istar.methods.recording import Recording
    from istar.truth.table import Table


@dataclass(frozen=True)
class OpinionRecord:
    """How near opinions came to the answer of a linear functional.

    Attributes:
        regression: of the values on the channels and on what is expected without them.
        agreements: how the opinion after each nested batch compares with the truth.
        heard: the share of the blind answer's loss that is left, after each nested batch, by an answer that goes
            `STRIDES` of the way from the blind one to the opinion (brought to the size of the truth).
    """

    regression: Regression
    agreements: tuple[Agreement, ...]
    heard: Float[np.ndarray, "batches strides"]


@dataclass(frozen=True)
class ChannelRecord:
    """What a method's channels were worth on one question, in hindsight.

    Attributes:
        question: the question's hash.
        prices: FLOPs up to the end of each nested batch, as a share of brute force; none if the method said nothing.
        rows_left: budgets as shares of brute force, and the share of the loss left there in the black-box arm.
        opinions: where the functional is linear and the method said something.
        rehearsal: where it is not linear and the method said something.
    """

    question: str
    prices: Float[np.ndarray, " batches"]
    rows_left: Float[np.ndarray, "budgets 2"]
    opinions: OpinionRecord | None
    rehearsal: Rehearsal | None


def channel_record(heard: Heard, known: Knowledge) -> ChannelRecord:
    """Return what a method's channels were worth on a question whose whole table is known.

    Args:
        heard: the question with its values, and what the method said.
        known: what was known before the question was touched.
    """
    table, recording = heard.table, heard.recording
    question, batches = table.question, recording.batches if recording.channels else ()
    prices = np.array([batch.flops for batch in batches]) / table.brute_flops
    opinions, rehearsal = None, None
    if batches:
        weights = design_weights(question.functional, question.structure)
        if weights is None:
            rehearsal = Rehearsal(table, recording, known)
        else:
            space = model_space(question.structure, question.functional)
            beliefs = known.prior.hyperparameters(space.fixed_names)
            opinions = _opinion_record(table, recording, space, beliefs, space.grid.spread(weights))
    return ChannelRecord(question.hash, prices, heard.rows_left, opinions, rehearsal)


def _all_channels(recording: Recording, rows: int) -> Float[np.ndarray, "rows channels"]:
    channels = np.full((rows, recording.channels), np.nan)
    for batch in recording.batches:
        channels[batch.rows] = batch.channels
    return channels


def _opinion_record(
    table: Table,
    recording: Recording,
    space: ModelSpace,
    beliefs: Hyperparameters,
    weights: Float[np.ndarray, "outputs arms replicates"],
) -> OpinionRecord:
    question, grid = table.question, space.grid
    structure, functional = question.structure, question.functional
    process = Process(grid, kernels_of(space, beliefs), Arithmetic())
    blind = process.condition(np.zeros_like(grid.present), np.zeros(grid.present.shape)).linear(weights)
    channels = _all_channels(recording, structure.rows)
    known = np.flatnonzero(~np.isnan(channels).any(1))
    expected = grid.gather(process.prior_mean)
    fitted = regression(clipped(channels), expected, table.values, grid.replicate, known)
    truth = functional.answer(table.values, structure) - blind.mean
    loss = functional.loss(blind.mean, table.values, structure)
    seen = np.zeros(structure.rows, dtype=bool)
    agreements, heard = [], []
    for batch in recording.batches:
        seen[batch.rows] = True
        surprises = surprise(fitted, clipped(np.where(seen[:, None], channels, np.nan)), expected)
        said = opinion(process, weights, grid, surprises, seen) - blind.mean
        agreement = Agreement.of(said, truth, np.diag(blind.covariance))
        agreements.append(agreement)
        answers = blind.mean + STRIDES[:, None] * agreement.scale * said
        left = [functional.loss(each, table.values, structure) for each in answers]
        heard.append(np.clip(np.array(left) / max(loss, 1e-300), 0.0, 2.0))
    return OpinionRecord(fitted, tuple(agreements), np.stack(heard))
