"""What a method's channels were worth on the task's other questions: experience that the white-box arm starts with.

The statistician's prior of a task is learned from the task's other questions, never from the question asked. What it
knows beforehand of a method is learned in the same way: on each of the other questions the method was recorded on,
values are regressed on channels, and what they were worth, their slopes and their prices are averaged. A method that
said nothing elsewhere is then left alone, and one that said much is listened to before a row is bought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.answers import Answerer
from istar.executors.arithmetic import Arithmetic
from istar.executors.components import ModelSpace, model_space
from istar.executors.evidence import HYPOTHESES, MOST_ROWS, STEPS, Evidence, Worth, channel_features
from istar.executors.fidelities import informed_process
from istar.executors.forecast import levels_left
from istar.executors.opinion import CORRELATIONS, Agreement, Credit, Regression, clipped, opinion
from istar.executors.process import Posterior, Process, kernels_of
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.executors.priors import TaskPrior
    from istar.methods.recording import Recording
    from istar.truth.table import Table

Item = TypeVar("Item")

FEW = 0.04
"""Share of the rows that are bought where it is tried out what channels add to rows."""
PURCHASES = 3
"""How many times it is tried out."""

STRIDES = np.array([0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0])
DOUBT = 0.5
"""How many questions' worth of belief stays with channels that are worth something else here."""
BLUR = 1.0
"""By how many steps of `STEPS` the noise is taken to differ between questions."""
LOOSENESS = 0.5
"""How far the slope is taken to differ between questions, in units of its mean."""
LOOSENESS_QUESTIONS = 2.0
"""How many questions that belief is worth."""


@dataclass(frozen=True)
class ChannelRecord:
    """What a method's channels were worth on one question, in hindsight.

    Attributes:
        question: the question's hash.
        useless: probability that they were noise.
        weights: probability of each hypothesis of `evidence`, if they were not.
        slope: slope of the signal on the values, per unit of the readout.
        level: variance of the signal's misses of a replicate's level, squared units of the readout.
        mixture: weight of each channel in the signal; none if the method said nothing.
        prices: FLOPs up to the end of each nested batch, as a share of brute force.
        levels: from no batch on, the share of the answer's variance left were the values of the batches' rows known.
        rows_left: shares of brute force, and the share of the loss left there in the black-box arm; none if unknown.
        regression: of the values on the channels, where the functional is linear.
        agreements: how the opinion after each nested batch compares with the truth, where the functional is linear.
        heard: the share of the blind answer's loss that is left, after each nested batch, by an answer that goes
            `STRIDES` of the way from the blind one to the opinion (brought to the size of the truth).
        beside_rows: where the functional is not linear, the loss with the channels of each nested batch beside a few
            rows, and the loss with those rows alone.
    """

    question: str
    useless: float
    weights: Float[np.ndarray, " hypotheses"]
    slope: float
    level: float
    mixture: Float[np.ndarray, " channels"]
    prices: Float[np.ndarray, " batches"]
    levels: Float[np.ndarray, " levels"]
    rows_left: Float[np.ndarray, "budgets 2"]
    regression: Regression | None
    agreements: tuple[Agreement, ...]
    heard: Float[np.ndarray, "batches strides"]
    beside_rows: Float[np.ndarray, "batches 2"]


def channel_record(
    table: Table,
    recording: Recording,
    prior: TaskPrior,
    rows_left: Float[np.ndarray, "budgets 2"] | None = None,
) -> ChannelRecord:
    """Return what a method's channels were worth on a question whose whole table is known.

    Args:
        table: the question with its values.
        recording: what the method said.
        prior: what is known of the task from its other questions.
        rows_left: budgets as shares of brute force, and the share of the loss left there in the black-box arm.
    """
    question = table.question
    space = model_space(question.structure, question.functional)
    beliefs = prior.hyperparameters(space.fixed_names)
    columns = question.functional.weights(question.structure)
    weights = None if columns is None else space.grid.spread(columns)
    channels = np.full((question.structure.rows, recording.channels), np.nan)
    seen = np.zeros(question.structure.rows, dtype=bool)
    for batch in recording.batches:
        channels[batch.rows] = batch.channels
        # the first batches that are large enough: a sub-grid, so that rows can be compared within replicates
        if seen.sum() < MOST_ROWS:
            seen[batch.rows] = True
    worth = Evidence(space, beliefs, Arithmetic()).worth(table.values, channel_features(channels), seen)
    prices = np.array([batch.flops for batch in recording.batches]) / table.brute_flops
    process = Process(space.grid, kernels_of(space, beliefs), Arithmetic())
    nothing = process.condition(np.zeros_like(space.grid.present), np.zeros(space.grid.present.shape))
    levels = levels_left(nothing, weights, question.functional, [batch.rows for batch in recording.batches])[1]
    regression, agreements, heard = None, [], []
    if weights is not None and recording.channels:
        known = ~np.isnan(channels).any(1)
        regression = Regression.of(clipped(channels), table.values, space.grid.replicate, np.flatnonzero(known))
        blind = nothing.linear(weights)
        truth = question.functional.answer(table.values, question.structure) - blind.mean
        loss = question.functional.loss(blind.mean, table.values, question.structure)
        seen[:] = False
        for batch in recording.batches:
            seen[batch.rows] = True
            signal = clipped(np.where(seen[:, None], channels, np.nan)) @ regression.slopes()
            said = opinion(process, weights, space.grid, signal, seen) - blind.mean
            agreement = Agreement.of(said, truth, np.diag(blind.covariance))
            agreements.append(agreement)
            answers = blind.mean + STRIDES[:, None] * agreement.scale * said
            left = [question.functional.loss(each, table.values, question.structure) for each in answers]
            heard.append(np.clip(np.array(left) / max(loss, 1e-300), 0.0, 2.0))
    beside_rows = np.zeros((0, 2))
    if weights is None and worth.useless < 1.0:
        beside_rows = _losses_beside_rows(table, recording, prior, space, process, nothing, worth)
    return ChannelRecord(
        beside_rows=beside_rows,
        regression=regression,
        agreements=tuple(agreements),
        heard=np.array(heard).reshape(-1, len(STRIDES)),
        question=question.hash,
        useless=worth.useless,
        weights=worth.weights,
        slope=worth.slope,
        level=_level_misses(worth.signal - table.values, space.grid.replicate),
        mixture=worth.mixture,
        prices=prices,
        levels=levels,
        rows_left=np.zeros((0, 2)) if rows_left is None else rows_left,
    )


def _losses_beside_rows(
    table: Table,
    recording: Recording,
    prior: TaskPrior,
    space: ModelSpace,
    process: Process,
    nothing: Posterior,
    worth: Worth,
) -> Float[np.ndarray, "batches 2"]:
    """Return the mean loss over a few random purchases, with channels up to each batch and without any."""
    question, grid = table.question, space.grid
    structure, functional = question.structure, question.functional
    beliefs, seed = prior.hyperparameters(space.fixed_names), Seed.root(0).split("beside rows", question.hash)
    answerer = Answerer(structure, functional, prior, nothing, 1.0, seed)

    def loss(belief: Process, bought: Bool[np.ndarray, " rows"]) -> float:
        values = grid.spread(np.where(bought, table.values, 0.0))
        answer = answerer.answer(belief.condition(grid.spread(bought), values)).centre
        return functional.loss(answer, table.values, structure)

    purchases = []
    for number in range(PURCHASES):
        chosen = seed.split(number).generator().permutation(structure.rows)
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
        if {len(record.mixture) for record in self.records} - {0, channels}:
            return None
        count = len(self.records)
        useless = np.array([record.useless for record in self.records])
        trust = count / (count + DOUBT)
        told = [record for record in self.records if record.useless < 1.0]
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
        return Learned(trust, float(useless.mean()), weights, slope, max(variance, 1e-12), level, mixture)

    def slopes(self, channels: int) -> Float[np.ndarray, " channels"] | None:
        """Return the slopes of the values on so many channels; None if no record has so many."""
        known = [each.regression for each in self.records if each.regression is not None]
        known = [each for each in known if len(each.side) == channels]
        return sum(known[1:], known[0]).slopes() if known else None

    def credit(self, batches: int) -> Credit:
        """Return how far an opinion after so many nested batches is believed."""
        silent = Agreement(1.0, 0.0, 1.0, 1)
        said = [_at(each.agreements, batches) or silent for each in self.records]
        return Credit.from_agreements(said)

    def left_by_opinion(self, batches: int) -> float:
        """Return the share of the loss that opinions after so many batches left elsewhere, taken as far as believed."""
        believed = float(self.credit(batches).weights @ CORRELATIONS)
        heard = [_at(list(each.heard), batches) for each in self.records]
        left = [1.0 if each is None else float(np.interp(believed, STRIDES, each)) for each in heard]
        return float(np.mean(left))

    def left_beside_rows(self, batches: int) -> float:
        """Return the share of the loss that channels left beside rows elsewhere, if the functional is not linear."""
        pairs = [_at(list(each.beside_rows), batches) for each in self.records]
        known = [pair for pair in pairs if pair is not None]
        # a question on which nothing was said counts as one on which nothing was gained
        alone = float(np.mean([pair[1] for pair in known])) if known else 1.0
        ends = [pair if pair is not None else np.array([alone, alone]) for pair in pairs]
        heard, without = np.sum(ends, axis=0)
        return float(heard / max(without, 1e-300))

    @cached_property
    def prices(self) -> Float[np.ndarray, " levels"]:
        """Mean price up to the end of each nested batch, as a share of brute force."""
        return _mean_start([record.prices for record in self.records])

    @cached_property
    def levels(self) -> Float[np.ndarray, " levels"]:
        """Mean share of variance left were the values of each nested batch's rows known, from no batch on."""
        return _mean_start([record.levels for record in self.records if len(record.prices)])

    @cached_property
    def rows_left(self) -> Float[np.ndarray, "budgets 2"]:
        """Budgets as shares of brute force, and the mean share of the loss left there in the black-box arm."""
        known = [record.rows_left for record in self.records if len(record.rows_left)]
        if not known:
            return np.zeros((0, 2))
        budgets = known[0][:, 0]
        left = np.mean([np.interp(budgets, each[:, 0], np.clip(each[:, 1], 0.0, 1.0)) for each in known], axis=0)
        return np.stack([budgets, np.minimum.accumulate(left)], axis=1)


def _at(series: Sequence[Item], batches: int) -> Item | None:
    """Return what belongs to so many batches, the last there is if fewer were made, None if none were."""
    return series[min(batches, len(series)) - 1] if len(series) else None


def _mean_start(series: Sequence[Float[np.ndarray, " some"]]) -> Float[np.ndarray, " shortest"]:
    """Return the mean of series as far as all that are not empty go."""
    spoken = [each for each in series if len(each)]
    length = min(map(len, spoken), default=0)
    mean: Float[np.ndarray, " shortest"] = (
        np.mean([each[:length] for each in spoken], axis=0) if spoken else np.zeros(0)
    )
    return mean


def experience_of(records: Sequence[ChannelRecord], exclude: str) -> Experience | None:
    """Return the experience for the question with hash `exclude` from the other questions' records, if there are any.

    A record without channels counts: a method that had nothing to say elsewhere is not expected to speak here.
    """
    others = tuple(record for record in records if record.question != exclude)
    return Experience(others) if others else None
