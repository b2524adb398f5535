"""An executor of one's own: it buys rows at random and fills the others in with means.

Run it with `ISTAR_PLUGINS=examples/my_executor.py istar score logit_lens --executor sample_means`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from istar.executors import EXECUTORS, Executor, History, Market, Trace
from istar.questions import grid_groups
from istar.seeds import Seed

CHANNEL_SHARE = 0.1
"""At most this share of brute force is spent on channels."""
WORTH = 0.5
"""A method is listened to if its channels explained this share of the variance on the task's other questions."""


@dataclass(frozen=True)
class Learned:
    """What is known before a question is touched.

    Attributes:
        blind: the answer with nothing bought, which has skill 0.
        slopes: what a value rises by with each channel; None for a method that is not worth it, or not known.
    """

    blind: np.ndarray
    slopes: np.ndarray | None


@EXECUTORS.register("sample_means")
class SampleMeans(Executor):
    """Rows are bought at random; a row that was not bought has the mean of its arm, drawn to the mean of all.

    Args:
        weight: how many rows the mean of all counts for in the mean of an arm.
        tolerance: it would stop where an answer differs from the one before by at most this share of its length.

    Raises:
        ValueError: a number is negative.
    """

    def __init__(self, weight: float = 4.0, tolerance: float = 0.05) -> None:
        """See the class docstring."""
        if min(weight, tolerance) < 0:
            raise ValueError("weight and tolerance are 0 at least")
        self.weight, self.tolerance = weight, tolerance

    def learn(self, history: History) -> Learned:
        """Fit the values of other questions on what the method said of them, each question about its own mean."""
        channels, values = [np.zeros((0, 0))], [np.zeros(0)]
        for table in history.tables if history.recordings else ():
            recording = history.recordings.get(table.question.hash)
            for batch in recording.batches if recording is not None else ():
                said = batch.channels.astype(np.float64)
                channels.append(said - said.mean(0))
                values.append(table.values[batch.rows] - table.values[batch.rows].mean())
        said, true = channels[1:], np.concatenate(values)
        if not said or said[0].shape[1] == 0 or len({each.shape[1] for each in said}) > 1:
            return Learned(history.blind, None)
        slopes = np.linalg.lstsq(np.concatenate(said), true, rcond=None)[0]
        left = true - np.concatenate(said) @ slopes
        worth = 1 - left @ left / max(true @ true, 1e-300)
        return Learned(history.blind, slopes if worth >= WORTH else None)

    def ignores_channels(self, market: Market, state: Learned) -> bool:
        """Without slopes no channel is bought, so the black-box arm's answers serve for both."""
        return state.slopes is None or len(state.slopes) != market.channel_count

    def answer(self, market: Market, state: Learned, seed: Seed) -> Trace:
        """Spend each budget, answer, and go on to the next."""
        order = seed.generator().permutation(np.flatnonzero(market.on_sale))
        unknown = np.full(len(state.blind), np.nan)  # no interval is stated
        before = state.blind
        while market.next_checkpoint is not None:
            if not self.ignores_channels(market, state):
                buy_channels(market)
            order = buy_rows(market, order)
            answer = market.functional.answer(self.filled(market, state), market.structure)
            answer = answer if market.bought.any() else state.blind
            market.record(answer, unknown)
            if market.bought.any() and np.abs(answer - before).sum() <= self.tolerance * np.abs(answer).sum():
                market.stop(answer)
            before = answer
        market.measure("rows_of_an_arm", market.structure.rows / (1 + grid_groups(market.structure)[0].max()))
        return market.trace()

    def filled(self, market: Market, state: Learned) -> np.ndarray:
        """Return the column of values: what was bought, and what is expected elsewhere."""
        arm, _ = grid_groups(market.structure)
        said = np.zeros(market.structure.rows)
        if market.channels is not None and state.slopes is not None:
            told = market.channels - np.nanmean(market.channels, axis=0)
            said = np.nan_to_num(told @ state.slopes)
        rest = np.where(market.bought, market.known_values - said, 0.0)
        count, total = np.bincount(arm, market.bought), np.bincount(arm, rest)
        mean = total.sum() / max(count.sum(), 1)
        of_arm = (total + self.weight * mean) / np.maximum(count + self.weight, 1e-300)
        market.charge(min(8 * market.structure.rows, market.allowance))  # about so many operations, as far as allowed
        return np.where(market.bought, market.known_values, of_arm[arm] + said)


def buy_channels(market: Market) -> None:
    """Buy batches of channels as they become affordable, up to `CHANNEL_SHARE` of brute force."""
    while (offer := market.channel_offer()) is not None:
        within = market.channel_flops + offer.flops <= CHANNEL_SHARE * market.brute_flops
        if not within or offer.flops > market.allowance:
            return
        market.buy_channels()


def buy_rows(market: Market, order: np.ndarray) -> np.ndarray:
    """Buy as many rows as the budget allows, in order, and return the others."""
    low, high = 0, len(order)
    while low < high:  # prices of rows together grow with every row, so the most that fit are found by bisection
        middle = (low + high + 1) // 2
        low, high = (middle, high) if market.bill.price(order[:middle]) <= market.allowance else (low, middle - 1)
    if low:
        market.buy(order[:low])
    return order[low:]
