"""Batch acquisition of a method's channels: whether to buy the next nested batch, and what to believe of all bought.

Let L(k, c) be the share of the blind answer's loss that is expected to be left with k nested batches of channels and a
share c of brute force spent on rows, C_k what the next k batches cost, and B the budgets still to come, all as shares
of brute force. Buying k batches from here scores

    V_k = mean over b in B of min(1, L(k, c + b - spent - C_k)),   what the answer is worth now where b is not enough,

and the next batch is bought where the least V_k is under (1 - MARGIN) V_0: channels are bought as a batch, for what
they are expected to leave of the loss at the remaining budgets, against rows for the same FLOPs.

With the method known from the task's other questions, L is what was left there (`experience`): for a linear functional
1 / L = 1 / L_rows + 1 / L_channels - 1, the precisions of two independent reports beside one prior; otherwise what
preposterior simulation found beside rows. A method never heard before is bought only where the functional is linear:
one small batch unseen, if it is cheap, then as far as rows known both ways say what it is worth here (`evidence`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from istar.executors.statistician.fidelity.drift import Drift, DriftingProcess
from istar.executors.statistician.fidelity.evidence import Evidence, Worth, channel_features
from istar.executors.statistician.fidelity.forecast import levels_left
from istar.executors.statistician.fidelity.opinion import Credit, opinion, regression, surprise
from istar.executors.statistician.fidelity.regression import clipped
from istar.executors.statistician.settings import (
    DOUBT,
    DOUBTFUL,
    EAGERNESS,
    IGNORED,
    MARGIN,
    STRANGE,
    UNSEEN_ROWS,
    UNSEEN_SHARE,
    VERIFIED_ROWS,
    VERIFIED_SHARE,
)
from istar.executors.statistician.table_model.posterior import Posterior

if TYPE_CHECKING:
    from istar.executors.statistician.answers import Answer
    from istar.executors.statistician.statistician import Inquiry


class ChannelDesk:
    """Buys and judges channels for one session.

    Args:
        inquiry: the question being answered.
    """

    def __init__(self, inquiry: Inquiry) -> None:
        """See the class docstring."""
        self.inquiry = inquiry
        market = inquiry.market
        offer = market.channel_offer()
        self.experience = inquiry.knowledge.experience
        self.linear = inquiry.answerer.weights is not None
        unseen = self.linear and offer is not None and offer.flops <= UNSEEN_SHARE * market.brute_flops
        self.open = offer is not None and market.channel_count > 0 and (self.experience is not None or unseen)
        self.evidence = Evidence(inquiry.space, inquiry.beliefs, inquiry.arithmetic)
        self.credit: Credit | None = None
        self._worth: tuple[tuple[int, int], Worth] | None = None
        self._said: tuple[tuple[int, int], Float[np.ndarray, " outputs"]] | None = None
        self._remaining: tuple[Float[np.ndarray, " levels"], Float[np.ndarray, " levels"]] | None = None
        self._posterior: tuple[int, Posterior] | None = None

    def missing_verification(self) -> tuple[Bool[np.ndarray, " rows"], int]:
        """Return the rows whose channels are known, and how many of them should be bought next to judge these.

        None until enough channels have been bought unseen: rows are then bought exactly as in the black-box arm.
        """
        market = self.inquiry.market
        if market.channels is None or self.experience is not None:
            return np.zeros_like(market.bought), 0
        known = ~np.isnan(market.channels).any(1)
        if self._too_few_to_judge():
            return known, 0
        wanted = int(np.clip(VERIFIED_SHARE * market.structure.rows, *VERIFIED_ROWS))
        return known, max(0, wanted - int((market.bought & known).sum()))

    def worth(self) -> Worth:
        """Return what the channels of a method never heard before are believed to be worth row by row."""
        market = self.inquiry.market
        stamp = (market.channel_batches, int(market.bought.sum()))
        if self._worth is None or self._worth[0] != stamp:
            features = channel_features(self._channels())
            self._worth = (stamp, self.evidence.worth(market.known_values, features, market.bought))
        return self._worth[1]

    def _channels(self) -> Float[np.ndarray, "rows channels"]:
        market = self.inquiry.market
        if market.channels is not None:
            return market.channels
        return np.full((market.structure.rows, market.channel_count), np.nan)

    def with_channels(self, answer: Answer) -> Answer:
        """Return the answer to a linear question by rows and by the opinion of the channels bought so far."""
        inquiry, market = self.inquiry, self.inquiry.market
        weights = inquiry.answerer.weights
        if market.channel_batches == 0 or market.channel_count == 0 or weights is None:
            return answer
        if not self._convincing() or self._left_by_channels(market.channel_batches) > 1 - IGNORED:
            return answer
        answerer = inquiry.answerer
        variance = answerer.first.spread**2
        prior = self.credit_after(market.channel_batches)
        said = self._opinion(weights)
        centre, spread, self.credit = prior.listen(said, variance, answer.centre - answerer.blind, answer.spread)
        inquiry.arithmetic.elementwise(len(said) * len(prior.weights), 16)
        return answerer.restate(answer, answerer.blind + centre, spread)

    def credit_after(self, batches: int) -> Credit:
        """Return how far the opinion after so many batches is believed before rows have spoken of the answer."""
        if self.experience is not None:
            return self.experience.credit(batches)
        worth = self.worth()
        covered = 1 - float(self._levels()[1][batches])
        return Credit.of_a_stranger(worth.useless, (1 - worth.unexplained) * covered)

    def _opinion(self, weights: Float[np.ndarray, "outputs arms replicates"]) -> Float[np.ndarray, " outputs"]:
        """Return the opinion as a deviation from the blind answer."""
        inquiry, market = self.inquiry, self.inquiry.market
        grid, level = inquiry.space.grid, market.channel_batches
        # with experience the scale of the channels is known and does not wait for rows
        stamp = (level, int(market.bought.sum()) if self.experience is None else 0)
        if self._said is None or self._said[0] != stamp:
            channels = clipped(self._channels())
            known = ~np.isnan(channels).any(1)
            expected = grid.gather(inquiry.process.prior_mean)
            fitted = None if self.experience is None else self.experience.regression(market.channel_count)
            if fitted is None:
                both = np.flatnonzero(known & market.bought)
                fitted = regression(channels, expected, np.nan_to_num(market.known_values), grid.replicate, both)
            surprises = surprise(fitted, channels, expected)
            said = opinion(inquiry.process, weights, grid, surprises, known) - inquiry.answerer.blind
            self._said = (stamp, said)
        return self._said[1]

    def design_posterior(self) -> Posterior:
        """Return the posterior given bought rows alone, which serves the buying design."""
        bought = int(self.inquiry.market.bought.sum())
        if self._posterior is None or self._posterior[0] != bought:
            self._posterior = (bought, self.inquiry.observed())
        return self._posterior[1]

    def believe(self) -> Posterior:
        """Return the posterior of the table given all that is known."""
        inquiry, market = self.inquiry, self.inquiry.market
        drift = self._drift(market.channel_batches)
        if market.channels is not None and drift is not None and drift.informative:
            grid = inquiry.space.grid
            informed = DriftingProcess(inquiry.process, inquiry.space, inquiry.beliefs, market.channels, drift)
            return informed.condition(grid.spread(market.bought), grid.spread(np.nan_to_num(market.known_values)))
        return self.design_posterior()

    def _drift(self, batches: int) -> Drift | None:
        """Return how values are predicted from so many batches of channels, where the functional is not linear."""
        return None if self.linear or self.experience is None or batches == 0 else self.experience.drift(batches)

    def trade(self) -> bool:
        """Buy the batches worth buying before the next checkpoint; return whether to save up for the next one."""
        market = self.inquiry.market
        if not self.open:
            return False
        while (offer := market.channel_offer()) is not None:
            if self.experience is None and self._too_few_to_judge():
                spent = market.channel_flops + offer.flops
                if spent > EAGERNESS * (market.next_checkpoint or 0) or offer.flops > market.allowance:
                    return False
                if spent > UNSEEN_SHARE * market.brute_flops:
                    return False
                market.buy_channels()
                continue
            if not self.inquiry.affordable() or not market.on_sale.any() or not self._go_on(offer.flops):
                return False
            if offer.flops > market.allowance:
                return True
            market.buy_channels()
        return False

    def _convincing(self) -> bool:
        """Whether the channels are likely enough to be worth something."""
        if self.experience is None:
            worth = self.worth()
            return worth.useless <= DOUBT and worth.unexplained <= STRANGE
        if self.credit is not None:
            return self.credit.useless <= DOUBTFUL
        return self.experience.convinces(len(self.inquiry.market.batch_rows), linear=self.linear)

    def _too_few_to_judge(self) -> bool:
        """Whether fewer rows have channels than it takes to judge a method never heard before."""
        channels = self.inquiry.market.channels
        return channels is None or int((~np.isnan(channels).any(1)).sum()) < UNSEEN_ROWS

    def _go_on(self, price: int) -> bool:
        """Whether some further level of channels is expected to serve the remaining budgets better than rows alone."""
        if not self._convincing():
            return False
        scores = self._futures(price)
        return bool(scores.min() < (1 - MARGIN) * scores[0])

    def _costs(self, price: int) -> Float[np.ndarray, " levels"]:
        """Return the FLOPs from here to each later level: the next price is known, the others are expected.

        They are expected to rise as on the task's other questions, or else in proportion to the rows.
        """
        level = self.inquiry.market.channel_batches
        sizes = np.array([len(batch) for batch in self.inquiry.market.batch_rows])[level:]
        rows = price * sizes / max(1, sizes[0])
        known = np.zeros(0) if self.experience is None else self.experience.prices
        if len(known) > level:
            steps = np.diff(known, prepend=0.0)[level:]
            if steps[0] > 0:
                rows[: len(steps)] = steps[: len(rows)] * price / steps[0]
            else:
                rows[: len(steps)] = steps[: len(rows)] * self.inquiry.market.brute_flops
        return np.concatenate([[0.0], np.cumsum(rows)])

    def _futures(self, price: int) -> Float[np.ndarray, " levels"]:
        """Return the expected mean remaining variance of stopping here (first) or at each later level."""
        market = self.inquiry.market
        brute = market.brute_flops
        level = market.channel_batches
        costs = self._costs(price)
        budgets = market.checkpoints[market.checkpoints > market.spent] / brute
        row_spent = market.bill.spent / brute
        now = float(self._together(level, self._by_rows(np.array([row_spent])))[0])
        scores = []
        for index, cost in enumerate(costs):
            left = budgets - (market.spent + cost) / brute
            by_rows = self._by_rows(row_spent + np.maximum(left, 0.0))
            expected = self._together(level + index, by_rows)
            # while saving up, the answer stays what it is
            scores.append(float(np.where(left >= 0, np.minimum(expected, 1.0), max(now, expected[-1])).mean()))
        return np.array(scores)

    def _together(self, level: int, by_rows: Float[np.ndarray, " budgets"]) -> Float[np.ndarray, " budgets"]:
        """Return the share of variance, or of the loss, expected to be left by rows and so many batches of channels."""
        if level == 0:
            return by_rows
        if not self.linear:
            assert self.experience is not None
            return self.experience.left_with_rows(level, by_rows)
        left = self._left_by_channels(level)
        together = 1 / (1 / np.maximum(by_rows, 1e-9) + 1 / max(left, 1e-9) - 1)
        return np.asarray(np.minimum(together, by_rows))

    def _left_by_channels(self, level: int) -> float:
        """Return the share of a linear answer's loss that so many batches of channels are expected to leave."""
        if self.experience is not None:
            return self.experience.left_by_opinion(level)
        return self.credit_after(level).remaining

    def _by_rows(self, share: Float[np.ndarray, " budgets"]) -> Float[np.ndarray, " budgets"]:
        """Return the variance left where a share of brute force goes to rows: as elsewhere in the task, or in grids."""
        if self.experience is not None:
            budgets, seen = self.experience.rows_left.T
            left = np.interp(np.log(np.maximum(share, 1e-9)), np.log(budgets), seen, left=1.0)
        else:
            row_share, variance = self._levels()
            left = np.interp(share, np.r_[row_share, 1.0], np.r_[variance, 0.0])
        return np.asarray(left)

    def _levels(self) -> tuple[Float[np.ndarray, " levels"], Float[np.ndarray, " levels"]]:
        """Return, from no batch on, the share of rows in the batches and the variance left if they were known.

        Needed of a method never heard before; experience tells better.
        """
        if self._remaining is None:
            inquiry, market = self.inquiry, self.inquiry.market
            assert inquiry.answerer.weights is not None
            self._remaining = levels_left(inquiry.prior, inquiry.answerer.weights, market.batch_rows)
        return self._remaining
