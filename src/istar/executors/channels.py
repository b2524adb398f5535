"""The channel desk: whether to buy a method's channels, and what to believe of them.

The desk buys one small batch unseen, if it is cheap. From rows known both ways it learns what the channels are worth
(`evidence`), and compares futures: going on to every level of the nested batches, or buying rows alone. A future is
scored by the share of the answer's variance expected to remain, averaged over the budgets still to come. The price of
the next batch is known, later ones are extrapolated from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from istar.executors.evidence import Evidence, Worth, channel_features
from istar.executors.fidelities import two_fidelity_posterior
from istar.executors.process import Posterior
from istar.executors.tails import AnyPosterior
from istar.questions import UpperTail

if TYPE_CHECKING:
    from istar.executors.statistician import Session

UNSEEN_SHARE = 0.012
"""At most this share of brute force is spent on channels before rows have shown that they are worth something."""
EAGERNESS = 0.4
"""The first batch is bought once it costs at most this share of the budget."""
VERIFICATION_ROWS = 20
"""Once the first batch is bought, so many of its rows are bought too, so that they are known both ways."""
DOUBT = 0.05
"""No batch is bought beyond `UNSEEN_SHARE` while the channels are noise with at least this probability."""
IGNORED = 0.05
"""Channels that explain less than this share of the variance are left out of the answer."""
TAIL_DECAY = 50.0
"""How fast a tail's variance is taken to fall with the share of rows seen."""


class ChannelDesk:
    """Buys and judges channels for one session.

    Args:
        session: the question being answered.
    """

    def __init__(self, session: Session) -> None:
        """See the class docstring."""
        self.session = session
        market = session.market
        offer = market.channel_offer()
        limit = UNSEEN_SHARE * market.brute_flops
        self.open = offer is not None and 0 <= offer.flops <= limit
        self.first = np.zeros(market.structure.rows, dtype=bool)
        if self.open and offer is not None:
            self.first[offer.rows] = True
        self.cancelling = self._cancelling() if self.open else frozenset()
        self.evidence = Evidence(session.space, session.beliefs, self.cancelling, session.arithmetic)
        self._features: tuple[int, Float[np.ndarray, "rows features"]] | None = None
        self._worth: tuple[tuple[int, int], Worth] | None = None
        self._remaining: tuple[Float[np.ndarray, " levels"], Float[np.ndarray, " levels"]] | None = None
        self._posterior: tuple[int, Posterior] | None = None

    def _cancelling(self) -> frozenset[str]:
        """Return the variance components that the answer is (nearly) free of, and the level of a replicate."""
        session = self.session
        names = {"own.replicate"} & set(session.space.names)
        weights = session.answerer.weights
        if weights is None:
            return frozenset(names)
        total, shares = weights.sum(2), {}
        for name, kernel in session.space.common.items():
            shares[f"common.{name}"] = float(np.einsum("oa,ab,ob->", total, kernel, total, optimize=True))
        for name, kernel in session.space.own.items():
            shares[f"own.{name}"] = float(np.einsum("oar,ab,obr->", weights, kernel, weights, optimize=True))
        variances = session.beliefs.variances
        parts = {name: share * variances[name] for name, share in shares.items()}
        # compared with what would be left if the answer summed instead of contrasting
        size = {name: float((total**2).sum() if name.startswith("common") else (weights**2).sum()) for name in shares}
        arms = session.space.grid.arms
        return frozenset(names | {name for name in parts if shares[name] < 1e-6 * arms * size[name]})

    def missing_verification(self) -> tuple[Bool[np.ndarray, " rows"], int]:
        """Return the rows whose channels are known, and how many of them should be bought next to judge these.

        None until channels have been bought: rows are then bought exactly as in the black-box arm.
        """
        if self.session.market.channel_batches == 0:
            return self.first, 0
        wanted = int(min(VERIFICATION_ROWS, max(6, self.first.sum() // 3), self.first.sum()))
        return self.first, max(0, wanted - int((self.session.market.bought & self.first).sum()))

    def worth(self) -> Worth:
        """Return what the channels bought so far are believed to be worth."""
        market = self.session.market
        assert market.channels is not None
        if self._features is None or self._features[0] != market.channel_batches:
            grid = self.session.space.grid
            self._features = (market.channel_batches, channel_features(market.channels, grid.replicate, grid.arms > 1))
        stamp = (market.channel_batches, int(market.bought.sum()))
        if self._worth is None or self._worth[0] != stamp:
            found = self.evidence.worth(market.known_values, self._features[1], market.bought)
            self._worth = (stamp, found)
        return self._worth[1]

    def design_posterior(self) -> Posterior:
        """Return the posterior given bought rows alone, which serves the buying design."""
        bought = int(self.session.market.bought.sum())
        if self._posterior is None or self._posterior[0] != bought:
            self._posterior = (bought, self.session.observed())
        return self._posterior[1]

    def believe(self) -> AnyPosterior:
        """Return the posterior of the table given all that is known."""
        market = self.session.market
        if market.channels is not None:
            worth = self.worth()
            if 1 - worth.mattering >= IGNORED and worth.useless < 0.5:
                return two_fidelity_posterior(
                    self.session.space,
                    self.session.beliefs,
                    worth,
                    self.cancelling,
                    market.bought,
                    market.known_values,
                    self.session.arithmetic,
                )
        return self.design_posterior()

    def trade(self) -> bool:
        """Buy the batches worth buying before the next checkpoint; return whether to save up for the next one."""
        market = self.session.market
        if not self.open:
            return False
        while (offer := market.channel_offer()) is not None:
            if market.channel_batches == 0:
                if offer.flops > EAGERNESS * (market.next_checkpoint or 0) or offer.flops > market.allowance:
                    return False
                market.buy_channels()
                continue
            if not self.session.affordable() or market.bought.all() or not self._go_on(offer.flops):
                return False
            if offer.flops > market.allowance:
                return True
            market.buy_channels()
        return False

    def _go_on(self, price: int) -> bool:
        """Whether some further level of channels is expected to serve the remaining budgets better than rows alone."""
        market = self.session.market
        worth = self.worth()
        beyond_cap = market.channel_flops + price > UNSEEN_SHARE * market.brute_flops
        if worth.useless > 0.5 or (beyond_cap and worth.useless > DOUBT):
            return False
        scores = self._futures(worth, price)
        return bool(scores.argmin() > 0)

    def _futures(self, worth: Worth, price: int) -> Float[np.ndarray, " levels"]:
        """Return the expected mean remaining variance of stopping here (first) or at each later level."""
        market = self.session.market
        brute = market.brute_flops
        row_share, variance = self._curve()
        level = market.channel_batches
        rows = row_share * market.structure.rows
        sizes = np.diff(rows)
        here = level - 1
        per_row = price / max(1.0, sizes[here])
        costs = np.concatenate([[0.0], np.cumsum(per_row * sizes[here:])])
        budgets = market.checkpoints[market.checkpoints > market.spent] / brute
        row_spent = market.bill.spent / brute
        now = self.session.current.remaining
        lost = self._effective(worth)

        def seen(share: Float[np.ndarray, " budgets"]) -> Float[np.ndarray, " budgets"]:
            left: Float[np.ndarray, " budgets"] = np.interp(
                share, np.concatenate([[0.0], row_share]), np.concatenate([[1.0], variance])
            )
            return left

        scores = []
        for index, cost in enumerate(costs):
            left = budgets - (market.spent + cost) / brute
            by_rows = seen(row_spent + np.maximum(left, 0.0))
            by_channels = variance[here + index]
            together = 1 / np.maximum(1 / np.maximum(by_channels, 1e-9) + 1 / np.maximum(by_rows, 1e-9) - 1, 1.0)
            expected = lost * by_rows + (1 - lost) * together
            # while saving up, the answer stays what it is
            scores.append(float(np.where(left >= 0, np.minimum(expected, 1.0), max(now, expected[-1])).mean()))
        return np.array(scores)

    def _effective(self, worth: Worth) -> float:
        """Return the share of the answer's variance that the channels leave unexplained."""
        session = self.session
        weights = session.answerer.weights
        if weights is not None:
            return worth.mattering
        variances = session.beliefs.variances
        cancelling = sum(variances[name] for name in self.cancelling) / session.space.grid.replicates
        mattering = sum(value for name, value in variances.items() if name not in self.cancelling)
        return (worth.cancelling * cancelling + worth.mattering * mattering) / (cancelling + mattering)

    def _curve(self) -> tuple[Float[np.ndarray, " levels"], Float[np.ndarray, " levels"]]:
        """Return, level by level, the share of rows in the nested batches and the variance left if they were known."""
        if self._remaining is None:
            session = self.session
            batches = session.market.batch_rows
            seen = np.zeros(session.market.structure.rows, dtype=bool)
            shares, left = [], []
            grid = session.space.grid
            weights = session.answerer.weights
            nothing = np.zeros((grid.arms, grid.replicates))
            reference = None if weights is None else np.trace(session.prior.linear(weights).covariance)
            for rows in batches:
                seen[rows] = True
                share = float(seen.mean())
                shares.append(share)
                if weights is None or reference is None:
                    decay = TAIL_DECAY if isinstance(session.market.functional, UpperTail) else TAIL_DECAY / 2
                    left.append((1 - share) / (1 + decay * share))
                elif seen.all():
                    left.append(0.0)
                else:
                    posterior = session.process.condition(grid.spread(seen), nothing)
                    left.append(float(np.trace(posterior.linear(weights).covariance)) / reference)
            self._remaining = (np.array(shares), np.array(left))
        return self._remaining
