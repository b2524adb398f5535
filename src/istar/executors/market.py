"""The market: everything an executor may see of one question, and the till that charges for it.

Values are replayed from the table, so nothing is run again; FLOPs are charged as if the model had been run with an
ideal prefix cache. Channels are replayed from a recording at what the method really cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.executor import ExecutorError, Trace
from istar.executors.measures import Measure, plain_measures
from istar.questions import Functional, QuestionView, Structure

if TYPE_CHECKING:
    from istar.flops.prices import Bill, PriceSheet
    from istar.methods.recording import Recording
    from istar.truth.table import Table

MOST_OCTAVES, LEAST_OCTAVES = 12, 8
"""Checkpoints reach back at most so many octaves from brute force, and at least so many."""


def budget_checkpoints(prices: PriceSheet, structure: Structure) -> Int[np.ndarray, " checkpoints"]:
    """Return the FLOP budgets at which an answer is recorded, half an octave apart, the last one being brute force.

    The first one buys the cheapest row or is 1/4096 of brute force, whichever is more. It is never more than 1/256,
    since channels may cost less than any row. So the budgets of all questions are the same shares of brute force, and
    questions differ in where they begin.

    Args:
        prices: what rows cost.
        structure: which of them are sealed.

    Raises:
        ExecutorError: all rows together cost nothing.
    """
    brute = int(prices.total)
    if brute < 1:
        raise ExecutorError("all rows of the question together cost nothing, so there is no budget to answer within")
    halves = np.arange(-2 * MOST_OCTAVES, 1)
    budgets = np.floor(brute * 2.0 ** (halves / 2)).astype(np.int64)
    budgets[-1] = brute
    buys = budgets >= prices.row_flops[~structure.sealed].min(initial=brute)
    distinct: Int[np.ndarray, " checkpoints"] = np.unique(
        budgets[(buys | (halves >= -2 * LEAST_OCTAVES)) & (budgets > 0)]
    )
    return distinct


def check_recording(recording: Recording, table: Table) -> None:
    """Check that a recording is one of a table's question and target, and that executors can compute with it.

    Raises:
        ExecutorError: it is not, or its method failed.
    """
    question = table.question
    if recording.question_hash != question.hash:
        raise ExecutorError(
            f"the recording is of question {recording.question_hash[:12]}, the table of "
            f"{question.hash[:12]} ({question.task} {question.index})"
        )
    where = f"the recording of {question.task} {question.index}"
    if recording.target != table.target:
        raise ExecutorError(
            f"{where} is of target {recording.target[:12]}, the table of {table.target[:12]}; record the method on the "
            "target whose table it is"
        )
    if recording.error is not None:
        raise ExecutorError(f"the method failed on this question, so there is nothing to buy: {recording.error}")
    rows, channels = len(question.runs), recording.channels
    described, spent = np.zeros(rows, dtype=np.int64), 0
    for number, batch in enumerate(recording.batches):
        if batch.channels.shape != (len(batch.rows), channels):
            raise ExecutorError(
                f"{where} has channels of shape {batch.channels.shape} in batch {number}, but {len(batch.rows)} rows "
                f"and {channels} channels in the first batch"
            )
        if len(batch.rows) and not 0 <= batch.rows.min() <= batch.rows.max() < rows:
            raise ExecutorError(f"{where} describes rows in batch {number} that the question of {rows} rows has not")
        with np.errstate(over="ignore"):
            wrong = np.argwhere(~np.isfinite(batch.channels.astype(np.float32)))
        if len(wrong):
            row, channel = wrong[0]
            raise ExecutorError(
                f"{where} holds {batch.channels[row, channel]} for row {batch.rows[row]}, channel {channel}; channels "
                "must be finite in single precision: clamp them, or give 0 where there is nothing to say"
            )
        if batch.flops < spent:
            raise ExecutorError(f"{where} costs less up to batch {number} than up to the one before; prices add up")
        described[batch.rows] += 1
        spent = batch.flops
    if (described > 1).any():
        raise ExecutorError(f"{where} describes row {int(described.argmax())} more than once")


@dataclass(frozen=True)
class ChannelOffer:
    """What is known of the next batch of channels before it is bought.

    Attributes:
        rows: the rows it will describe.
        flops: its price; the first batch's includes `prepare`.
    """

    rows: Int[np.ndarray, " batch"]
    flops: int


class Deed(NamedTuple):
    """Something that was done on a market and changes what is known or may be spent there.

    Attributes:
        kind: rows were bought, a batch of channels was, FLOPs were charged, or a checkpoint was recorded.
        flops: FLOPs charged.
        rows: the rows bought, in their order.
    """

    kind: Literal["buy", "channels", "charge", "record"]
    flops: int = 0
    rows: Int[np.ndarray, " bought"] = np.zeros(0, dtype=np.int64)


@dataclass
class _Entries:
    """What the trace will hold, checkpoint by checkpoint."""

    answers: list[Float[np.ndarray, " outputs"]] = field(default_factory=list)
    spread: list[Float[np.ndarray, " outputs"]] = field(default_factory=list)
    flops_spent: list[int] = field(default_factory=list)
    rows_bought: list[int] = field(default_factory=list)
    channel_batches: list[int] = field(default_factory=list)
    executor_flops: list[int] = field(default_factory=list)


class Market:
    """One question as an executor meets it.

    Args:
        table: the question with its true values and prices; the values stay behind `buy`.
        recording: what a method said about the question, for the white-box arm; None in the black-box arm.
        checkpoints: ascending FLOP budgets; the question's `budget_checkpoints` if None.
        decode: returns the text of tokens, as the target's `decode` does; `text` needs it.

    Attributes:
        view: the rows: tokens, readout and intervention of each, and their structure.
        structure: the rows' structure.
        functional: what is asked of the column of values.
        prices: what rows cost, alone and together.
        bill: what the rows bought so far have cost, and what further ones would.
        brute_flops: FLOPs of buying every row.
        checkpoints: ascending FLOP budgets, each of which wants an answer (`record`).
        sealed: rows that nobody can buy.
        bought: rows bought so far.
        known_values: their values; NaN elsewhere.
        channel_count: how many channels the method has; 0 in the black-box arm.
        channels: what the method said of the rows whose batches are bought, NaN elsewhere; None before the first.
        channel_batches: how many batches are bought.
        channel_flops: what they have cost.
        executor_flops: what the executor has charged for its own arithmetic (`charge`).
        deeds: what was done, in order: enough to do it again on another market of the same question.

    Raises:
        ExecutorError: see `check_recording`; or all rows together cost nothing.
    """

    def __init__(
        self,
        table: Table,
        recording: Recording | None = None,
        checkpoints: Int[np.ndarray, " checkpoints"] | None = None,
        decode: Callable[[Sequence[int]], str] | None = None,
    ) -> None:
        """See the class docstring."""
        if recording is not None:
            check_recording(recording, table)
        self._values = table.values
        self._batches = recording.batches if recording is not None else ()
        self.channel_count = recording.channels if recording is not None else 0
        self.question_hash = table.question.hash
        self.view: QuestionView = table.question.view
        self.structure: Structure = table.question.structure
        self.functional: Functional = table.question.functional
        self.prices: PriceSheet = table.prices
        self.bill: Bill = table.prices.bill()
        self._decode = decode
        self.brute_flops = int(table.prices.total)
        self.checkpoints = budget_checkpoints(self.prices, self.structure) if checkpoints is None else checkpoints
        self.sealed = self.structure.sealed
        self.bought = np.zeros(len(table.values), dtype=bool)
        self.known_values = np.full(len(table.values), np.nan)
        self.channels: Float[np.ndarray, "rows channels"] | None = None
        self.channel_batches = 0
        self.channel_flops = 0
        self.executor_flops = 0
        self.deeds: list[Deed] = []
        self._entries = _Entries()
        self._measures: dict[str, Measure] = {}
        self._stop: tuple[int, Float[np.ndarray, " outputs"], Float[np.ndarray, " outputs"]] | None = None

    def text(self, row: int) -> str:
        """Return what a row feeds to the target, as text: its tokens decoded, special ones included.

        What is read off, and how the target is modified meanwhile, stands in `view.runs[row]`.

        Raises:
            ExecutorError: the market was opened without the means to.
        """
        if self._decode is None:
            raise ExecutorError("this market was opened without a tokenizer; open it with `decode=target.decode`")
        return self._decode(self.view.runs[row].tokens)

    @property
    def spent(self) -> int:
        """FLOPs spent so far: rows, channels and the executor's own."""
        return int(self.bill.spent) + self.channel_flops + self.executor_flops

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
        self.deeds.append(Deed("buy", rows=np.array(rows, dtype=np.int64)))
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
        self.deeds.append(Deed("channels"))
        return batch

    def charge(self, flops: int) -> None:
        """Charge FLOPs of the executor's own: arithmetic, or what a model that it asks takes."""
        self.executor_flops += int(flops)
        self.deeds.append(Deed("charge", int(flops)))

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
        entries.executor_flops.append(self.executor_flops)
        self.deeds.append(Deed("record"))

    def measure(self, name: str, value: float | Sequence[float]) -> None:
        """Keep a number of the executor's own, or a series of them, with the trace and its curve.

        Raises:
            ExecutorError: it is no finite number.
        """
        try:
            self._measures |= plain_measures({name: value})
        except ValueError as error:
            raise ExecutorError(str(error)) from None

    @property
    def measures(self) -> Mapping[str, Measure]:
        """The executor's own numbers so far, by name."""
        return MappingProxyType(self._measures)

    def stop(self, answer: Float[np.ndarray, " outputs"], spread: Float[np.ndarray, " outputs"] | None = None) -> None:
        """Note the answer with which the executor would have stopped here; only the first call counts.

        Args:
            answer: the answer.
            spread: its spread, as in `record`; None states none.
        """
        if self._stop is None:
            stated = np.full(len(answer), np.nan) if spread is None else np.array(spread, dtype=np.float64)
            self._stop = (self.spent, np.array(answer, dtype=np.float64), stated)

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
        last = (entries.flops_spent[-1], entries.answers[-1], entries.spread[-1])
        stop, stop_answer, stop_spread = self._stop if self._stop is not None else last
        return Trace(
            checkpoints=np.array(self.checkpoints, dtype=np.int64),
            flops_spent=np.array(entries.flops_spent, dtype=np.int64),
            answers=np.stack(entries.answers),
            spread=np.stack(entries.spread),
            rows_bought=np.array(entries.rows_bought, dtype=np.int64),
            channel_batches=np.array(entries.channel_batches, dtype=np.int64),
            executor_flops=np.array(entries.executor_flops, dtype=np.int64),
            stop=int(stop),
            stop_answer=stop_answer,
            stop_spread=stop_spread,
            measures=dict(self._measures),
        )
