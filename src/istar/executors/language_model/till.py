"""What an agent has spent, and which of its answers stands at each budget.

An agent acts in an order of its own, and budgets come as it spends. So the answer at a budget is the one that it gave
last before it had spent more: whatever costs something first lets pass all the budgets that do not pay for it, with the
answer that stands. Nothing is owed, and no answer stands at a budget that was spent before it was given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

if TYPE_CHECKING:
    from istar.executors.market import ChannelOffer, Market


class Till:
    """The till of one question.

    Args:
        market: the question.
        blind: the answer of skill 0, which stands until the agent gives one.

    Attributes:
        answer: the answer that stands.
        spread: for each output, the standard deviation that was stated with it; NaN where none was.
        answers: how many answers were given.
        model_flops: FLOPs of the agent itself.
        tool_flops: FLOPs of what its tools computed.
    """

    def __init__(self, market: Market, blind: Float[np.ndarray, " outputs"]) -> None:
        """See the class docstring."""
        self.market = market
        self.answer: Float[np.ndarray, " outputs"] = np.array(blind, dtype=np.float64)
        self.spread = self._unstated
        self.answers, self.model_flops, self.tool_flops = 0, 0, 0

    @property
    def _unstated(self) -> Float[np.ndarray, " outputs"]:
        return np.full(len(self.answer), np.nan)

    @property
    def left(self) -> int:
        """FLOPs that may still be spent, up to brute force."""
        return max(0, int(self.market.checkpoints[-1]) - self.market.spent)

    @property
    def over(self) -> bool:
        """Whether as much as brute force is spent, so that nothing that an agent could do is of use any more."""
        return self.left == 0

    def think(self, flops: int) -> None:
        """Pay for a reply of the agent; it may be more than is left, and then all is over."""
        self.model_flops += flops
        self._charge(flops)

    def work(self, flops: int) -> None:
        """Pay for what a tool computed."""
        self.tool_flops += flops
        self._charge(flops)

    def _charge(self, flops: int) -> None:
        self._pass(flops)
        self.market.charge(flops)

    def buy(self, rows: Int[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
        """Buy rows that `left` pays for, and return their values."""
        self._pass(int(self.market.bill.price(rows)))
        return self.market.buy(rows)

    def buy_channels(self, offer: ChannelOffer) -> None:
        """Buy a batch of channels that `left` pays for."""
        self._pass(offer.flops)
        self.market.buy_channels()

    def give(self, answer: Float[np.ndarray, " outputs"], spread: Float[np.ndarray, " outputs"] | None = None) -> None:
        """Let an answer stand from here on, with the standard deviations that are stated with it; None states none."""
        self.answer = answer
        self.spread = self._unstated if spread is None else spread
        self.answers += 1

    def _pass(self, flops: int) -> None:
        """Record the answer that stands at all budgets but brute force that do not pay for so much more."""
        market = self.market
        while (budget := market.next_checkpoint) is not None and budget < market.spent + flops:
            if budget == market.checkpoints[-1]:
                return
            market.record(self.answer, self.spread)

    def close(self) -> None:
        """Record the answer that stands at all budgets before brute force."""
        while (budget := self.market.next_checkpoint) is not None and budget < self.market.checkpoints[-1]:
            self.market.record(self.answer, self.spread)
