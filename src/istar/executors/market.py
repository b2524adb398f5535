"""The market: everything an executor may see of one question, and the till that charges for it.

Values are replayed from the table, so nothing is run again; FLOPs are charged as if the model had been run with an
ideal prefix cache. Channels are replayed from a recording at what the method really cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.executor import ExecutorError, Trace
from istar.questions import Functional, QuestionView, Structure

if TYPE_CHECKING:
    from istar.executors.statistician.fidelity.experience import Experience
    from istar.executors.statistician.table_model.priors import TaskPrior
    from istar.flops.prices import Bill, PriceSheet
    from istar.methods.recording import Recording
    from istar.truth.table import Table

HALF_STEPS = 16
"""Checkpoints lie half an octave apart, from 2^-8 of brute force to all of it."""


def budget_checkpoints(brute_flops: int) -> Int[np.ndarray, " checkpoints"]:
    """Return the FLOP budgets at which an answer is recorded: brute force times 2^-8, 2^-7.5, ..., 1."""
    exponents = np.arange(-HALF_STEPS, 1) / 2
    budgets = np.floor(brute_flops * 2.0**exponents).astype(np.int64)
    budgets[-1] = brute_flops
    distinct: Int[np.ndarray, " checkpoints"] = np.unique(budgets[budgets > 0])
    return distinct


@dataclass(frozen=True)
class ChannelOffer:
    """What is known of the next batch of channels before it is bought.

    Attributes:
        rows: the rows it will describe.
        flops: its price; the first batch's includes `prepare`.
    """

    rows: Int[np.ndarray, " batch"]
    flops: int


@dataclass
class _Entries:
    """What the trace will hold, checkpoint by checkpoint."""

    answers: list[Float[np.ndarray, " outputs"]] = field(default_factory=list)
    spread: list[Float[np.ndarray, " outputs"]] = field(default_factory=list)
    flops_spent: list[int] = field(default_factory=list)
    rows_bought: list[int] = field(default_factory=list)
    channel_batches: list[int] = field(default_factory=list)
    statistician_flops: list[int] = field(default_factory=list)


class Market:
    """One question as an executor meets it.

    Args:
        table: the question with its true values and prices; the values stay behind `buy`.
        recording: what a method said about the question, for the white-box arm; None in the black-box arm.
        checkpoints: ascending FLOP budgets; `budget_checkpoints` of brute force if None.
        prior: what is known of the task; read from the committed calibration, without this question, if None.
        experience: what the recording's method was worth on the task's other questions, if anything is known of it.

    Raises:
        ExecutorError: the recording belongs to another question or its method failed.
        PriorError: no prior was given and there is no calibration of the task.
    """

    def __init__(
        self,
        table: Table,
        recording: Recording | None = None,
        checkpoints: Int[np.ndarray, " checkpoints"] | None = None,
        prior: TaskPrior | None = None,
        experience: Experience | None = None,
    ) -> None:
        """See the class docstring."""
        if recording is not None and recording.question_hash != table.question.hash:
            raise ExecutorError(
                f"the recording is of question {recording.question_hash[:12]}, the table of "
                f"{table.question.hash[:12]} ({table.question.task} {table.question.index})"
            )
        if recording is not None and recording.error is not None:
            raise ExecutorError(f"the method failed on this question, so there is nothing to buy: {recording.error}")
        if prior is None:
            from istar.executors.statistician.table_model.priors import prior_of_question

            prior = prior_of_question(table.question, table.target)
        self._values = table.values
        self._batches = recording.batches if recording is not None else ()
        self.channel_count = recording.channels if recording is not None else 0
        self.experience = experience if recording is not None else None
        self.question_hash = table.question.hash
        self.view: QuestionView = table.question.view
        self.structure: Structure = table.question.structure
        self.functional: Functional = table.question.functional
        self.prices: PriceSheet = table.prices
        self.bill: Bill = table.prices.bill()
        self.prior = prior
        self.brute_flops = int(table.prices.total)
        self.checkpoints = budget_checkpoints(self.brute_flops) if checkpoints is None else checkpoints
        self.sealed = self.structure.sealed
        self.bought = np.zeros(len(table.values), dtype=bool)
        self.known_values = np.full(len(table.values), np.nan)
        self.channels: Float[np.ndarray, "rows channels"] | None = None
        self.channel_batches = 0
        self.channel_flops = 0
        self.arithmetic_flops = 0
        self._entries = _Entries()
        self._stop: tuple[int, Float[np.ndarray, " outputs"]] | None = None

    @property
    def spent(self) -> int:
        """FLOPs spent so far: rows, channels and arithmetic."""
        return int(self.bill.spent) + self.channel_flops + self.arithmetic_flops

    @property
    def next_checkpoint(self) -> int | None:
        """The budget that limits the next purchase; None once every checkpoint is recorded."""
        done = len(self._entries.answers)
        return int(self.checkpoints[done]) if done < len(self.checkpoints) else None

    @property
    def allowance(self) -> int:
        """FLOPs that may be spent before the next checkpoint.

        At the last checkpoint the arithmetic spent so far is not deducted: buying every row must stay possible, and
        needs no statistics.
        """
        limit = self.next_checkpoint
        if limit is None:
            return 0
        if len(self._entries.answers) == len(self.checkpoints) - 1:
            return max(0, limit - int(self.bill.spent) - self.channel_flops)
        return max(0, limit - self.spent)

    @property
    def batch_rows(self) -> tuple[Int[np.ndarray, " batch"], ...]:
        """The rows of every nested batch of channels, in order; which rows come when is no secret, prices are."""
        return tuple(np.asarray(batch.rows) for batch in self._batches)

    @property
    def on_sale(self) -> Bool[np.ndarray, " rows"]:
        """Which rows can still be bought: all but the sealed ones and those bought already."""
        on_sale: Bool[np.ndarray, " rows"] = ~(self.bought | self.sealed)
        return on_sale

    def buy(self, rows: Int[np.ndarray, " bought"]) -> Float[np.ndarray, " bought"]:
        """Pay for rows and return their values.

        Raises:
            ExecutorError: a row is sealed, or the price exceeds what may be spent before the next checkpoint; nothing
                is bought then.
        """
        if self.sealed[rows].any():
            row = int(np.asarray(rows)[self.sealed[rows]][0])
            raise ExecutorError(f"row {row} is sealed: nobody may buy it, only predict it from others; see `on_sale`")
        price = int(self.bill.price(rows))
        if price > self.allowance:
            raise ExecutorError(
                f"buying {len(rows)} rows costs {price} FLOPs, but only {self.allowance} may be spent before the next "
                "checkpoint; buy fewer rows or record an answer first"
            )
        self.bill.buy(rows)
        self.bought[rows] = True
        self.known_values[rows] = self._values[rows]
        values: Float[np.ndarray, " bought"] = self._values[rows]
        return values

    def channel_offer(self) -> ChannelOffer | None:
        """Return the next batch of channels on offer, or None where there is none."""
        if self.channel_batches >= len(self._batches):
            return None
        batch = self._batches[self.channel_batches]
        return ChannelOffer(np.asarray(batch.rows), int(batch.flops) - self.channel_flops)

    def buy_channels(self) -> Float[np.ndarray, "batch channels"]:
        """Pay for the next batch of channels and return it; all bought so far are in `channels`, NaN elsewhere.

        Raises:
            ExecutorError: there is no batch left, or it costs more than may be spent before the next checkpoint.
        """
        offer = self.channel_offer()
        if offer is None:
            raise ExecutorError("there is no further batch of channels; see `channel_offer`")
        if offer.flops > self.allowance:
            raise ExecutorError(
                f"the next channels cost {offer.flops} FLOPs, but only {self.allowance} may be spent before the next "
                "checkpoint; record an answer first"
            )
        batch = self._batches[self.channel_batches].channels.astype(np.float64)
        if self.channels is None:
            self.channels = np.full((self.structure.rows, batch.shape[1]), np.nan)
        self.channels[offer.rows] = batch
        self.channel_flops += offer.flops
        self.channel_batches += 1
        return batch

    def charge(self, flops: int) -> None:
        """Charge the statistician's own arithmetic."""
        self.arithmetic_flops += int(flops)

    def record(self, answer: Float[np.ndarray, " outputs"], spread: Float[np.ndarray, " outputs"]) -> None:
        """Record the answer at the next checkpoint, and what has been spent.

        Raises:
            ExecutorError: every checkpoint is recorded already.
        """
        if self.next_checkpoint is None:
            raise ExecutorError("every checkpoint has its answer already")
        entries = self._entries
        entries.answers.append(np.array(answer, dtype=np.float64))
        entries.spread.append(np.array(spread, dtype=np.float64))
        entries.flops_spent.append(self.spent)
        entries.rows_bought.append(int(self.bought.sum()))
        entries.channel_batches.append(self.channel_batches)
        entries.statistician_flops.append(self.arithmetic_flops)

    def stop(self, answer: Float[np.ndarray, " outputs"]) -> None:
        """Note the answer with which the executor would have stopped here; only the first call counts."""
        if self._stop is None:
            self._stop = (self.spent, np.array(answer, dtype=np.float64))

    @property
    def stopped(self) -> bool:
        """Whether the executor has noted its stop."""
        return self._stop is not None

    def trace(self) -> Trace:
        """Return the trace.

        Raises:
            ExecutorError: a checkpoint has no answer yet.
        """
        if self.next_checkpoint is not None:
            raise ExecutorError(f"the checkpoint at {self.next_checkpoint} FLOPs has no answer yet")
        entries = self._entries
        stop, stop_answer = self._stop if self._stop is not None else (entries.flops_spent[-1], entries.answers[-1])
        return Trace(
            checkpoints=np.array(self.checkpoints, dtype=np.int64),
            flops_spent=np.array(entries.flops_spent, dtype=np.int64),
            answers=np.stack(entries.answers),
            spread=np.stack(entries.spread),
            rows_bought=np.array(entries.rows_bought, dtype=np.int64),
            channel_batches=np.array(entries.channel_batches, dtype=np.int64),
            statistician_flops=np.array(entries.statistician_flops, dtype=np.int64),
            stop=int(stop),
            stop_answer=stop_answer,
        )
