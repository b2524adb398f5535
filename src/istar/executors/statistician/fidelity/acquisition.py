"""Batch acquisition of a method's channels by the expected value of the information in them.

Let L(c) be the share of the blind answer's loss that rows leave at a share c of brute force, and L_h(k) what the
channels of k nested batches leave under hypothesis h about the method's fidelity,

    L_h(k) = sum_l s_l (1 - rho_hl^2 t_kl) / sum_l s_l,    s_l the part of the answer's variance that level l has,

t_kl the share of level l that k batches tell of. Both together leave 1 / L = 1 / L(c) + 1 / L_h(k) - 1, the precisions
of two independent reports beside one prior. Whatever h is, rows known both ways will tell, so that channels are used
for no more than they are worth. With C_k the price of the next k batches, and B the budgets still to come, buying them
scores

    V_k = mean over b in B, expectation over h, of  L(b - C_k) together with L_h(k),

and the next batch is bought where the least V_k is under V_0 by more than `MARGIN`: the expected value of sample
information is above the price in rows. A first batch that costs next to nothing loses next to nothing in V_k and may
win everything, so it is tried unless the method is known to be worthless. Before rows have told of a method never heard
before, its channels are bought for at most `EXPERIMENT` of brute force.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.statistician.fidelity.cokriging import InformedProcess
from istar.executors.statistician.fidelity.level_model import LevelModel
from istar.executors.statistician.fidelity.listening import Listener, Signals
from istar.executors.statistician.fidelity.posterior import Fidelity
from istar.executors.statistician.fidelity.prior import FidelityPrior
from istar.executors.statistician.settings import (
    EVIDENCE_GROWTH,
    EXPERIMENT,
    LEAST_RHO,
    MARGIN,
    MOST_ROWS,
    SENSITIVITY_DRAWS,
    THRIFT,
    VERIFIED_ROWS,
)
from istar.executors.statistician.table_model.posterior import Posterior

if TYPE_CHECKING:
    from istar.executors.statistician.answers import Answer
    from istar.executors.statistician.statistician import Inquiry


@dataclass(frozen=True)
class Decision:
    """What is known when it is decided whether to buy the next batch.

    Attributes:
        batches: how many batches are bought.
        spent: FLOPs spent so far.
        row_spent: those of them spent on rows.
        budgets: FLOP budgets still to come.
        costs: FLOPs from here to the end of no batch and of each further one.
        fidelity: what is believed of the correlations.
    """

    batches: int
    spent: int
    row_spent: int
    budgets: Int[np.ndarray, " budgets"]
    costs: Float[np.ndarray, " batches"]
    fidelity: Fidelity


class ChannelDesk:
    """Buys and judges channels for one question.

    Args:
        inquiry: the question being answered.

    Attributes:
        first: the first decision about a batch.
        decisions: those since the last purchase, or that purchase if there was none since.
        saved_up: whether a batch was ever wanted that could not be paid at once.
        paid: FLOPs up to the end of each batch bought.
    """

    def __init__(self, inquiry: Inquiry) -> None:
        """See the class docstring."""
        self.inquiry = inquiry
        market = inquiry.market
        self.prior = inquiry.knowledge.fidelity or FidelityPrior.learn(())
        self.open = market.channel_count > 0 and market.channel_offer() is not None and not self.prior.silent
        self.model = inquiry.level_model() if self.open else None
        self._heard: tuple[tuple[int, int], Signals, Fidelity] | None = None
        self._process: InformedProcess | None = None
        self._alone: Answer | None = None
        self._posterior: tuple[int, Posterior] | None = None
        self._shares: Float[np.ndarray, " levels"] | None = None
        self._told: Float[np.ndarray, "batches levels"] | None = None
        self.first: Decision | None = None
        self.decisions: list[Decision] = []
        self.saved_up = False
        self.paid: list[int] = []
        if self.model is not None:
            expected = inquiry.space.grid.gather(inquiry.process.prior_mean)
            self.listener = Listener(self.model, self.prior, expected, inquiry.arithmetic, inquiry.process.scale_weight)
            self.fidelity = self.listener.before

    # What is believed.

    def design_posterior(self) -> Posterior:
        """Return the posterior given bought rows alone, which serves the buying design."""
        bought = int(self.inquiry.market.bought.sum())
        if self._posterior is None or self._posterior[0] != bought:
            self._posterior = (bought, self.inquiry.observed())
        return self._posterior[1]

    def believe(self) -> tuple[Posterior, Answer | None]:
        """Return the posterior of the table given all that is known, and what channels alone say of the answer."""
        inquiry, market = self.inquiry, self.inquiry.market
        process = self._informed()
        if process is None:
            return self.design_posterior(), None
        grid = inquiry.space.grid
        if self._alone is None:
            nothing = process.condition(np.zeros_like(grid.present), np.zeros(grid.present.shape))
            self._alone = inquiry.answerer.told(nothing)
        values = grid.spread(np.nan_to_num(market.known_values))
        return process.condition(grid.spread(market.bought), values), self._alone

    def _informed(self) -> InformedProcess | None:
        """Return the prior given the channels bought so far; None where they say nothing."""
        market = self.inquiry.market
        if self.model is None or market.channels is None:
            return None
        both = int((market.bought & np.isfinite(market.channels).all(1)).sum())
        stamp = (market.channel_batches, both)
        if self._heard is None or self._renew(self._heard[0], stamp):
            signals, self.fidelity = self.listener.hear(
                market.channels, market.known_values, market.bought, self._affordable_rows()
            )
            self._heard, self._process = (stamp, signals, self.fidelity), None
        _, signals, fidelity = self._heard
        unheard = self._unheard(signals, fidelity)
        if unheard.all():
            return None
        if self._process is None:
            self._alone = None
            self._process = InformedProcess(self.inquiry.process, self.model, signals, fidelity.without(unheard))
        return self._process

    def _unheard(self, signals: Signals, fidelity: Fidelity) -> Bool[np.ndarray, " levels"]:
        assert self.model is not None
        silent = [not np.any(signals.units[each]) for each in self.model.names]
        return np.asarray((fidelity.rho < LEAST_RHO) | silent)

    @property
    def both(self) -> int:
        """How many rows known both ways the belief rests on."""
        return 0 if self._heard is None else self._heard[0][1]

    @property
    def believed(self) -> bool:
        """Whether channels that were bought say something that is believed."""
        return self._heard is not None and not self._unheard(*self._heard[1:]).all()

    def _renew(self, before: tuple[int, int], now: tuple[int, int]) -> bool:
        """Whether there is enough new to hear the channels again."""
        if before[0] != now[0]:
            return True
        return now[1] != before[1] and before[1] < MOST_ROWS and now[1] >= EVIDENCE_GROWTH * before[1]

    def _affordable_rows(self) -> int:
        """Return how many rows known both ways may be weighed for at most `THRIFT` of the budget."""
        budget = THRIFT * (self.inquiry.market.next_checkpoint or self.inquiry.market.brute_flops)
        each = 2 * len(self.fidelity.weights) / 3
        return int(np.clip((budget / each) ** (1 / 3), 0, MOST_ROWS))

    # What is bought.

    def missing_verification(self) -> tuple[Bool[np.ndarray, " rows"], int]:
        """Return the rows whose channels are known, and how many of them should be bought next to judge these."""
        market = self.inquiry.market
        if market.channels is None:
            return np.zeros_like(market.bought), 0
        known = np.isfinite(market.channels).all(1)
        if float(self.fidelity.weights @ (self.fidelity.correlations.max(1) > LEAST_RHO)) < LEAST_RHO:
            return known, 0
        return known, max(0, VERIFIED_ROWS - int((market.bought & known).sum()))

    def trade(self) -> bool:
        """Buy the batches worth buying before the next checkpoint; return whether to save up for the next one."""
        market = self.inquiry.market
        if not self.open:
            return False
        while (offer := market.channel_offer()) is not None:
            if not market.on_sale.any() or not self._consider():
                return False
            if self._untried(offer.flops):
                return False
            if offer.flops > market.allowance:
                self.saved_up = True
                return True
            market.buy_channels()
            self.paid.append(market.channel_flops)
            self._informed()
        return False

    def _untried(self, price: int) -> bool:
        """Whether a method never heard before would cost more than an experiment may, before rows have told of it."""
        market = self.inquiry.market
        known = 0 if market.channels is None else (market.bought & np.isfinite(market.channels).all(1)).sum()
        if self.prior.known or known >= VERIFIED_ROWS:
            return False
        return market.channel_flops + price > EXPERIMENT * market.brute_flops

    def deaf(self) -> bool:
        """Whether no channel would be bought at any price, whatever rows turn out to be.

        It is told by the first decision, where channels promise most: L falls with every row.
        """
        if not self.open:
            return True
        decision = self.first or self.decision()
        return not worth(self.futures(decision, np.zeros_like(decision.costs)))

    def decision(self) -> Decision:
        """Return what is known now of the next batch, which must be on offer."""
        market = self.inquiry.market
        offer = market.channel_offer()
        assert offer is not None
        return Decision(
            batches=market.channel_batches,
            spent=market.spent,
            row_spent=int(market.bill.spent),
            budgets=market.checkpoints[market.checkpoints > market.spent],
            costs=self._costs(offer.flops),
            fidelity=self.fidelity,
        )

    def _consider(self) -> bool:
        """Return whether the next batch is worth buying, and take note of the decision."""
        decision = self.decision()
        self.first = self.first or decision
        if self.decisions and self.decisions[-1].batches < decision.batches:
            self.decisions.clear()
        self.decisions.append(decision)
        return worth(self.futures(decision, decision.costs))

    def futures(self, at: Decision, costs: Float[np.ndarray, " batches"]) -> Float[np.ndarray, " batches"]:
        """Return V of stopping at a decision (first) or after each further batch, at such costs."""
        brute = self.inquiry.market.brute_flops
        row_spent, weights = at.row_spent / brute, at.fidelity.weights
        left = (at.budgets - (at.spent + costs[:, None])) / brute
        channels = np.stack([self.left_by_channels(at.batches + each, at.fidelity) for each in range(len(costs))])
        expected = _together(channels, self._by_rows(row_spent + np.maximum(left, 0.0)))
        # while saving up, the answer stays what it is
        now = _together(channels[:1], self._by_rows(np.array([[row_spent]])))
        expected = np.where(left[:, None] >= 0, expected, now)
        return np.asarray((weights @ expected).mean(1))

    def _costs(self, price: int) -> Float[np.ndarray, " batches"]:
        """Return the FLOPs from here to each later batch: the next price is known, the others are expected.

        They are expected to rise as on the task's other questions, or else in proportion to the rows.
        """
        market = self.inquiry.market
        level = market.channel_batches
        sizes = np.array([len(batch) for batch in market.batch_rows])[level:]
        steps = price * sizes / max(1, sizes[0])
        spoken = [each.prices for each in self.prior.appraisals if len(each.prices) > level]
        if spoken:
            length = min(map(len, spoken))
            known = np.diff(np.mean([each[:length] for each in spoken], axis=0), prepend=0.0)[level:]
            known = known * price / known[0] if known[0] > 0 else known * market.brute_flops
            steps[: len(known)] = known[: len(steps)]
        return np.concatenate([[0.0], np.cumsum(steps)])

    def left_by_channels(self, batches: int, fidelity: Fidelity) -> Float[np.ndarray, " hypotheses"]:
        """Return L_h: what so many batches leave of the blind answer's loss."""
        left = 1 - fidelity.correlations**2 * self._told_by(batches)
        return np.asarray(left @ self._level_shares())

    def _told_by(self, batches: int) -> Float[np.ndarray, " levels"]:
        """Return the mean share of each level that so many batches tell of."""
        assert self.model is not None
        if self._told is None:
            known = np.zeros(len(self.inquiry.market.bought), dtype=bool)
            found = [np.zeros(len(self.model.names))]
            for batch in self.inquiry.market.batch_rows:
                known[batch] = True
                found.append(np.array([self.model.covered(each, known).mean() for each in self.model.names]))
            self._told = np.stack(found)
        told: Float[np.ndarray, " levels"] = self._told[batches]
        return told

    def _by_rows(self, share: Float[np.ndarray, "batches budgets"]) -> Float[np.ndarray, "batches budgets"]:
        """Return L: what is left where a share of brute force goes to rows, as elsewhere in the task if it is known."""
        assert self.model is not None
        if self._rows_left is not None:
            return np.asarray(np.interp(np.log(np.maximum(share, 1e-9)), *self._rows_left, left=1.0))
        model, grid, share = self.model, self.inquiry.space.grid, np.clip(share, 0.0, 1.0)
        seen = float((model.levels.back**2).sum()) / grid.arms
        rows = share * len(grid.arm) / max(len(model.levels.into), 1)
        parts = {
            "contrasts": (1 - share) / (1 + rows * seen / max(model.arm + model.cell, 1e-300)),
            "arms": _left(model.size("arms"), model.cell, share * grid.replicates, grid.replicates),
            "replicates": _left(model.size("replicates"), model.cell, share * grid.arms, grid.arms),
            "cells": 1 - share,
        }
        left = sum(each * parts[level] for each, level in zip(self._level_shares(), model.names, strict=True))
        return np.asarray(left)

    @cached_property
    def _rows_left(self) -> tuple[Float[np.ndarray, " budgets"], Float[np.ndarray, " budgets"]] | None:
        """What rows left of the loss on the task's other questions, mean, by the logarithm of the budget."""
        known = [each.rows_left for each in self.prior.appraisals]
        if not known:
            return None
        budgets = known[0][:, 0]
        left = np.mean([np.interp(budgets, each[:, 0], np.clip(each[:, 1], 0.0, 1.0)) for each in known], axis=0)
        return np.log(budgets), np.minimum.accumulate(left)

    def _level_shares(self) -> Float[np.ndarray, " levels"]:
        """Return the part of the answer's prior variance that each level has."""
        if self._shares is None:
            assert self.model is not None
            shares = _sensitivity(self.inquiry, self.model) if len(self.model.names) > 1 else np.ones(1)
            self._shares = shares / max(float(shares.sum()), 1e-300)
        return self._shares


def worth(scores: Float[np.ndarray, " batches"]) -> bool:
    """Return whether buying on is worth it, given V of stopping and after each further batch."""
    return bool(scores.min() < scores[0] - MARGIN)


def _together(
    channels: Float[np.ndarray, "batches hypotheses"], rows: Float[np.ndarray, "batches budgets"]
) -> Float[np.ndarray, "batches hypotheses budgets"]:
    """Return the share of the loss left by channels and rows together."""
    precision = 1 / np.maximum(rows, 1e-6)[:, None] + 1 / np.maximum(channels, 1e-6)[..., None] - 1
    return np.asarray(1 / precision)


def _left(own: float, cell: float, rows: Float[np.ndarray, "*budgets"], whole: int) -> Float[np.ndarray, "*budgets"]:
    """Return what so many of the rows of each unit leave of it; less than one is one of some units, none of others."""
    missed = cell * (1 / np.maximum(rows, 1.0) - 1 / whole)
    return np.asarray(1 - np.minimum(rows, 1.0) * own / np.maximum(own + missed, 1e-300))


def _sensitivity(inquiry: Inquiry, model: LevelModel) -> Float[np.ndarray, " levels"]:
    """Return the total effect of each level on the answer: by pairs of tables that differ in that level alone.

    Sobol's total indices by pick and freeze: half the mean square of the change (Jansen, 1999), with draws of the
    prior.
    """
    functional, structure, grid = inquiry.market.functional, inquiry.market.structure, inquiry.space.grid
    spent = inquiry.arithmetic.flops
    tables = inquiry.prior.draws(2 * SENSITIVITY_DRAWS, np.random.default_rng(0))
    inquiry.arithmetic.flops = (
        spent  # as plans are, it is the same for all methods; one that is not heard costs nothing
    )
    expected = grid.gather(inquiry.process.prior_mean)
    parts = model.levels.split((grid.gather(tables) - expected).T, np.ones(len(grid.arm), dtype=bool))
    moves = {each: model.levels.at_rows(each, part).T for each, part in parts.items()}
    whole = expected + sum(moves.values(), np.zeros(1))[:SENSITIVITY_DRAWS]
    answers = functional.answers(whole, structure)
    effects = []
    for each in model.names:
        other = moves[each][SENSITIVITY_DRAWS:] - moves[each][:SENSITIVITY_DRAWS]
        changed = functional.answers(whole + other, structure)
        effects.append(float(((changed - answers) ** 2).sum(1).mean()) / 2)
    return np.array(effects)
