"""What the statistician would answer from what an agent has bought: a tool of the agent, and the end of every question.

The agent buys; the statistician only thinks. What it takes is counted by its own arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from istar.executors.statistician.design.greedy import affordable_prefix
from istar.executors.statistician.portfolio import portfolio
from istar.executors.statistician.statistician import Inquiry

if TYPE_CHECKING:
    from istar.executors.language_model.till import Till
    from istar.executors.statistician.answers import Answer
    from istar.executors.statistician.knowledge import Knowledge
    from istar.seeds import Seed


class Adviser:
    """The statistician on one question.

    Args:
        till: pays.
        knowledge: what it knows beforehand.
        seed: decides its draws, and the order in which the last rows are bought.
    """

    def __init__(self, till: Till, knowledge: Knowledge, seed: Seed) -> None:
        """Form its beliefs, which is paid for when it is first asked."""
        self._till, self._seed = till, seed
        # before anything is bought: it hears of a method only where there is something to buy when it comes
        self._inquiry = Inquiry(till.market, knowledge, portfolio().variant(till.market.functional.kind), seed)

    def answer(self) -> Answer:
        """Return what it answers from what is bought by now, and pay for that."""
        inquiry = self._inquiry
        inquiry.think()
        self._till.work(inquiry.arithmetic.take())
        return inquiry.current

    def finish(self) -> None:
        """Buy every row that the rest of brute force pays for, and answer there.

        Nothing is left to decide at brute force: the answer is the truth where all rows are known, in both arms alike.
        """
        till = self._till
        market = till.market
        till.close()
        order = self._seed.split("rest").generator().permutation(np.flatnonzero(market.on_sale))
        market.buy(affordable_prefix(market.prices, market.bought, order, market.allowance))
        inquiry = self._inquiry
        inquiry.think()
        if not market.bought.all():
            market.charge(inquiry.arithmetic.take())
        market.record(inquiry.current.centre, np.full(len(inquiry.current.centre), np.nan))
