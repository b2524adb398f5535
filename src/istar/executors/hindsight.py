"""What a method's channels were worth on a question whose whole table is known: one record a question.

Where the functional is linear that is how near their opinion came to the answer, else how closely they followed rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.adaptive import design_weights
from istar.executors.answers import Answerer
from istar.executors.arithmetic import Arithmetic
from istar.executors.components import ModelSpace, model_space
from istar.executors.evidence import MOST_ROWS, Evidence, Worth, channel_features
from istar.executors.fidelities import informed_process
from istar.executors.opinion import Agreement, opinion, regression, surprise
from istar.executors.process import Hyperparameters, Process, kernels_of
from istar.executors.regression import Regression, clipped
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.executors.priors import TaskPrior
    from istar.methods.recording import Recording
    from istar.truth.table import Table

FEW = 0.04
"""Share of the rows that are bought where it is tried out what channels add to rows."""
PURCHASES = 3
"""How many times it is tried out."""
STRIDES = np.array([0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0])
"""How far towards the opinion answers are tried out."""


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
class RowRecord:
    """How closely channels followed the rows of a question whose functional is not linear.

    Attributes:
        useless: probability that they were noise.
        weights: probability of each hypothesis of `evidence`, if they were not.
        slope: slope of the signal on the values, per unit of the readout.
        level: variance of the signal's misses of a replicate's level, squared units of the readout.
        mixture: weight of each channel in the signal.
        beside_rows: the loss with the channels of each nested batch beside a few rows, and with those rows alone.
    """

    useless: float
    weights: Float[np.ndarray, " hypotheses"]
    slope: float
    level: float
    mixture: Float[np.ndarray, " channels"]
    beside_rows: Float[np.ndarray, "batches 2"]


@dataclass(frozen=True)
class ChannelRecord:
    """What a method's channels were worth on one question, in hindsight.

    Attributes:
        question: the question's hash.
        prices: FLOPs up to the end of each nested batch, as a share of brute force; none if the method said nothing.
        rows_left: budgets as shares of brute force, and the share of the loss left there in the black-box arm.
        opinions: where the functional is linear and the method said something.
        rows: where it is not linear and the method said something.
    """

    question: str
    prices: Float[np.ndarray, " batches"]
    rows_left: Float[np.ndarray, "budgets 2"]
    opinions: OpinionRecord | None
    rows: RowRecord | None


def channel_record(
    table: Table, recording: Recording, prior: TaskPrior, rows_left: Float[np.ndarray, "budgets 2"]
) -> ChannelRecord:
    """Return what a method's channels were worth on a question whose whole table is known.

    Args:
        table: the question with its values.
        recording: what the method said.
        prior: what is known of the task from its other questions.
        rows_left: budgets as shares of brute force, and the share of the loss left there in the black-box arm.
    """
    question, batches = table.question, recording.batches if recording.channels else ()
    prices = np.array([batch.flops for batch in batches]) / table.brute_flops
    opinions, rows = None, None
    if batches:
        space = model_space(question.structure, question.functional)
        beliefs = prior.hyperparameters(space.fixed_names)
        weights = design_weights(question.functional, question.structure)
        if weights is None:
            rows = _row_record(table, recording, prior, space, beliefs)
        else:
            opinions = _opinion_record(table, recording, space, beliefs, space.grid.spread(weights))
    return ChannelRecord(question.hash, prices, rows_left, opinions, rows)


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


def _row_record(
    table: Table, recording: Recording, prior: TaskPrior, space: ModelSpace, beliefs: Hyperparameters
) -> RowRecord:
    seen = np.zeros(table.question.structure.rows, dtype=bool)
    for batch in recording.batches:
        # the first batches that are large enough: a sub-grid, so that rows can be compared within replicates
        if seen.sum() < MOST_ROWS:
            seen[batch.rows] = True
    features = channel_features(_all_channels(recording, len(seen)))
    worth = Evidence(space, beliefs, Arithmetic()).worth(table.values, features, seen)
    beside_rows = np.zeros((0, 2))
    if worth.useless < 1.0:
        beside_rows = _losses_beside_rows(table, recording, prior, space, beliefs, worth)
    level = _level_misses(worth.signal - table.values, space.grid.replicate)
    return RowRecord(worth.useless, worth.weights, worth.slope, level, worth.mixture, beside_rows)


def _losses_beside_rows(
    table: Table,
    recording: Recording,
    prior: TaskPrior,
    space: ModelSpace,
    beliefs: Hyperparameters,
    worth: Worth,
) -> Float[np.ndarray, "batches 2"]:
    """Return the mean loss over a few random purchases, with channels up to each batch and without any."""
    question, grid = table.question, space.grid
    structure, functional = question.structure, question.functional
    seed = Seed.root(0).split("beside rows", question.hash)
    process = Process(grid, kernels_of(space, beliefs), Arithmetic())
    nothing = process.condition(np.zeros_like(grid.present), np.zeros(grid.present.shape))
    answerer = Answerer(structure, functional, prior, nothing, 1.0, seed)

    def loss(belief: Process, bought: Bool[np.ndarray, " rows"]) -> float:
        values = grid.spread(np.where(bought, table.values, 0.0))
        answer = answerer.answer(belief.condition(grid.spread(bought), values)).centre
        return functional.loss(answer, table.values, structure)

    purchases = []
    for number in range(PURCHASES):
        chosen = seed.split(number).generator().permutation(np.flatnonzero(~structure.sealed))
        purchases.append(np.isin(np.arange(structure.rows), chosen[: max(4, round(FEW * structure.rows))]))
    alone = float(np.mean([loss(process, bought) for bought in purchases]))
    known = np.zeros(structure.rows, dtype=bool)
    losses = []
    for batch in recording.batches:
        known[batch.rows] = True
        informed = informed_process(
            process, space, beliefs, replace(worth, signal=np.where(known, worth.signal, np.nan))
        )
        losses.append([float(np.mean([loss(informed, bought) for bought in purchases])), alone])
    return np.array(losses)


def _level_misses(misses: Float[np.ndarray, " rows"], replicate: Int[np.ndarray, " rows"]) -> float:
    """Return the variance over replicates of the mean miss of each; infinite where fewer than two are known."""
    known = ~np.isnan(misses)
    count = np.bincount(replicate[known], minlength=1)
    means = np.bincount(replicate[known], misses[known], minlength=1)[count > 0] / count[count > 0]
    return float(means.var(ddof=1)) if len(means) > 1 else np.inf
