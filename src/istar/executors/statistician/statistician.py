"""The statistician: a Bayesian executor over the table, at one fidelity or two.

It believes in a Gaussian model of the table whose variances it learned from the task's other questions, buys rows
where they reduce the variance of the answer most per FLOP, and answers with the centre of its posterior. With nothing
bought that is the blind answer; with everything bought it is the truth. In the white-box arm it may also buy a method's
channels, learns from rows it knows both ways what they are worth, and goes on or stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Int

from istar.executors.executor import EXECUTORS, Executor, Trace
from istar.executors.history import Heard, History
from istar.executors.market import Market
from istar.executors.measures import Reason
from istar.executors.statistician.answers import Answer, Answerer
from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.design.adaptive import contender_rows, score_order
from istar.executors.statistician.design.greedy import affordable_prefix, greedy_rows
from istar.executors.statistician.design.plan import PlanFollower, kept_plan, plan_purchases
from istar.executors.statistician.design.stopping import StoppingRule
from istar.executors.statistician.fidelity.acquisition import ChannelDesk
from istar.executors.statistician.fidelity.explanation import explain
from istar.executors.statistician.fidelity.level_model import LevelModel
from istar.executors.statistician.fidelity.listening import appraise
from istar.executors.statistician.fidelity.prior import Appraisal, FidelityPrior
from istar.executors.statistician.knowledge import Knowledge
from istar.executors.statistician.portfolio import portfolio
from istar.executors.statistician.settings import STRIDE, STRIDE_ROWS, THRIFT
from istar.executors.statistician.table_model.posterior import Posterior
from istar.executors.statistician.table_model.priors import TaskPrior
from istar.executors.statistician.table_model.process import Hyperparameters, Kernels, Process, kernels_of
from istar.executors.statistician.variants import Variant, variances_of, variant_of
from istar.questions import Functional, Structure
from istar.seeds import Seed
from istar.truth.effects.components import ModelSpace, model_space
from istar.truth.effects.records import committed_effects, learn_effects


class Inquiry:
    """One question being answered: beliefs, purchases and the till.

    Args:
        market: the question.
        knowledge: what is known beforehand.
        variant: estimator and design.
        seed: decides every random choice.
    """

    def __init__(self, market: Market, knowledge: Knowledge, variant: Variant, seed: Seed) -> None:
        """See the class docstring."""
        self.market, self.knowledge, self.variant, self.seed = market, knowledge, variant, seed
        self.arithmetic = Arithmetic()
        self.debt = 0
        self.space, self.beliefs = _beliefs(market.structure, market.functional, knowledge, variant)
        self.kernels: Kernels = kernels_of(self.space, self.beliefs)
        self.process = Process(self.space.grid, self.kernels, self.arithmetic)
        grid = self.space.grid
        self.prior = self.process.condition(np.zeros_like(grid.present), np.zeros(grid.present.shape))
        self.answerer = Answerer(market.structure, market.functional, knowledge, self.prior, variant.temper, seed)
        self.thought = self.arithmetic.flops
        self.desk = ChannelDesk(self)
        self.follower: PlanFollower | None = None
        self.current: Answer = self.answerer.start()
        self.known = (0, 0)
        self.round = 0

    def level_model(self) -> LevelModel:
        """Return the prior of the table, level by level."""
        market = self.market
        return _level_model(market.structure, market.functional, self.space, self.beliefs, self.kernels)

    def settle(self) -> None:
        """Charge the arithmetic done so far, as far as the budget allows; the rest is owed."""
        self.debt += self.arithmetic.take()
        charged = min(self.debt, self.market.allowance)
        self.market.charge(charged)
        self.debt -= charged

    def plan(self) -> PlanFollower:
        """Return the follower of the purchase plan of a linear functional."""
        if self.follower is None:
            assert self.answerer.weights is not None
            before = self.arithmetic.take()
            key = (
                self.market.question_hash,
                self.knowledge.prior.digest,
                self.variant,
                self.seed.path,
                tuple(self.market.checkpoints.tolist()),
            )
            make = partial(
                plan_purchases,
                self.process,
                self.answerer.weights,
                self.market.prices,
                self.market.checkpoints,
                self.variant,
                self.seed,
                self.market.sealed,
            )
            plan = kept_plan(key, make)
            self.arithmetic.take()
            self.arithmetic.flops = before
            self.follower = PlanFollower(plan, self.market.prices)
        return self.follower

    def buy_rows(self) -> None:
        """Buy rows up to the next checkpoint."""
        market = self.market
        if self.answerer.weights is not None:
            follower = self.plan()
            among, missing = self.desk.missing_verification()
            if missing > 0:
                market.buy(follower.next_rows(market.bought, market.allowance, among, missing))
            while True:
                self.arithmetic.flops += follower.arithmetic(int(market.bought.sum()))
                self.settle()
                rows = follower.next_rows(market.bought, market.allowance)
                if len(rows) == 0:
                    return
                market.buy(rows)
        while market.allowance > 0 and market.on_sale.any():
            among, missing = self.desk.missing_verification()
            rows = self._choose()
            if missing > 0:
                rows = np.concatenate([rows[among[rows]][:missing], rows])
                rows = rows[np.sort(np.unique(rows, return_index=True)[1])]
            self.settle()
            if market.functional.design == "contest":
                rows = self._stride(rows)
            rows = affordable_prefix(market.prices, market.bought, rows, market.allowance)
            if len(rows) == 0:
                break
            market.buy(rows)
            if self.answerer.grid.arms == 1 or market.functional.design == "rows":
                break
            if self.affordable():
                self.think()

    def _stride(self, rows: Int[np.ndarray, " some"]) -> Int[np.ndarray, " fewer"]:
        """Return the first of some rows: what is bought before the next thought about which arms contend."""
        market = self.market
        most = max(int(STRIDE * market.spent), int(market.checkpoints[0]))
        few = affordable_prefix(market.prices, market.bought, rows, min(most, market.allowance))
        return rows[: max(len(few), STRIDE_ROWS, self.space.grid.arms // STRIDE_ROWS)]

    def _choose(self) -> Int[np.ndarray, " chosen"]:
        """Return rows worth buying now for a functional that is not linear, best first."""
        market, functional, grid = self.market, self.market.functional, self.space.grid
        self.round += 1
        generator = self.seed.split("choose", self.round).generator()
        unbought = np.flatnonzero(market.on_sale)
        prices = market.bill.marginal()
        draws = self.current.draws
        if self.variant.design == "random" or draws is None or not self.affordable():
            return generator.permutation(unbought)
        if functional.design == "linearised":
            rows, _ = greedy_rows(
                self.desk.design_posterior(),
                grid.spread(functional.linearised(draws, market.structure)),
                market.prices,
                market.bought,
                ~market.on_sale,
                market.allowance,
                generator,
            )
            return rows if len(rows) else generator.permutation(unbought)
        if functional.design == "contest":
            contest = functional.contest(draws, market.structure)
            rows = contender_rows(contest, grid, market.on_sale, market.bill, generator)
            self.arithmetic.matmul(len(draws), draws.shape[1], contest.outputs)
            return rows if len(rows) else generator.permutation(unbought)
        scores = functional.row_worth(draws, market.structure)
        self.arithmetic.elementwise(draws.size, 4)
        return score_order(scores, prices, unbought, self.variant.explore, generator)

    def affordable(self) -> bool:
        """Whether another thought is cheap against the budget."""
        return self.thought <= THRIFT * (self.market.next_checkpoint or 0)

    def changed(self) -> bool:
        """Whether something was bought since the last thought, and thinking about it is affordable."""
        market = self.market
        state = (int(market.bought.sum()), market.channel_batches)
        return state != self.known and (self.affordable() or not market.on_sale.any())

    def think(self) -> None:
        """Renew the answer from all that is known."""
        market = self.market
        self.known = (int(market.bought.sum()), market.channel_batches)
        if market.bought.all():
            exact = market.functional.answer(market.known_values, market.structure)
            self.current = Answer(exact, np.zeros_like(exact), 0.0, None)
            return
        before = self.arithmetic.flops
        self.current = self.answerer.answer(*self.desk.believe())
        self.thought = max(self.thought, self.arithmetic.flops - before)

    def observed(self) -> Posterior:
        """Return the posterior given the bought rows alone."""
        grid = self.space.grid
        values = np.where(self.market.bought, self.market.known_values, 0.0)
        return self.process.condition(grid.spread(self.market.bought), grid.spread(values))


@EXECUTORS.register("statistician")
class Statistician(Executor):
    """The Bayesian statistician.

    Args:
        variant: estimator and design, or their settings; the portfolio's choice for the question's functional if None,
            with its factor on the spreads stated.

    Raises:
        ValueError: a setting of the variant has a value that it cannot have.
    """

    code = ("istar.executors.statistician", "istar.truth.effects")
    libraries = ("numpy", "scipy", "torch")

    def __init__(self, variant: Variant | Mapping[str, Any] | None = None) -> None:
        """See the class docstring."""
        if not isinstance(variant, Variant | Mapping | None):
            raise ValueError(f"the variant is {variant!r}; it must be a mapping of its settings")
        self.variant = variant_of(variant) if isinstance(variant, Mapping) else variant

    def _variant(self, functional: Functional) -> Variant:
        return self.variant or portfolio().variant(functional.kind)

    def learn(self, history: History) -> Knowledge:
        """See the base class; the other questions' tables are read only where the committed records are too few."""
        committed = committed_effects(history.task, history.target)
        if all(question in committed for question in history.questions):
            records = tuple(committed[question] for question in history.questions)
        else:
            records = learn_effects(history.tables)
        others = tuple(history.appraisals.values())
        return Knowledge(TaskPrior(records), history.blind, FidelityPrior.learn(others) if others else None)

    def appraise(self, heard: Heard, state: Knowledge) -> Appraisal:
        """See the base class."""
        table, recording = heard.table, heard.recording
        question, batches = table.question, recording.batches if recording.channels else ()
        channels = np.full((question.structure.rows, recording.channels), np.nan)
        for batch in batches:
            channels[batch.rows] = batch.channels
        space, beliefs = _beliefs(question.structure, question.functional, state, self._variant(question.functional))
        model = _level_model(question.structure, question.functional, space, beliefs, kernels_of(space, beliefs))
        expected = space.grid.gather(space.fixed @ beliefs.fixed_mean)
        prices = np.array([batch.flops for batch in batches]) / table.brute_flops
        return appraise(question.hash, channels, table.values, expected, model.levels, prices, heard.rows_left)

    def answer(self, market: Market, state: Knowledge, seed: Seed) -> Trace:
        """See the base class."""
        variant = self._variant(market.functional)
        factor = 1.0 if self.variant else portfolio().spread_factor(market.functional.kind)
        inquiry = Inquiry(market, state, variant, seed)
        stopping = StoppingRule(market.brute_flops)
        while market.next_checkpoint is not None:
            if not inquiry.desk.trade():
                inquiry.buy_rows()
            if inquiry.changed():
                inquiry.think()
            inquiry.settle()
            spread = factor * inquiry.current.spread
            market.record(inquiry.current.centre, spread)
            if stopping.should_stop(market.spent, inquiry.current.remaining):
                market.stop(inquiry.current.centre, spread)
        if market.channel_count:
            _measure(market, inquiry)
        return market.trace()

    def ignores_channels(self, market: Market, state: Knowledge) -> bool:
        """See the base class: so it is with a method that was worth nothing on the task's other questions."""
        if super().ignores_channels(market, state):
            market.measure("channels.reason", Reason.NO_CHANNEL)
            return True
        inquiry = Inquiry(market, state, self._variant(market.functional), Seed.root(0))
        deaf = inquiry.desk.deaf()
        if deaf:
            _measure(market, inquiry)
        return deaf


def _beliefs(
    structure: Structure, functional: Functional, known: Knowledge, variant: Variant
) -> tuple[ModelSpace, Hyperparameters]:
    """Return the model of a question and what is believed of its variances."""
    space = model_space(structure, functional)
    beliefs = known.prior.hyperparameters(space.fixed_names)
    return space, replace(beliefs, variances=variances_of(variant.model, beliefs.variances))


def _level_model(
    structure: Structure, functional: Functional, space: ModelSpace, beliefs: Hyperparameters, kernels: Kernels
) -> LevelModel:
    weights = functional.weights(structure)
    return LevelModel(space, beliefs, kernels, None if weights is None else space.grid.spread(weights))


def _measure(market: Market, inquiry: Inquiry) -> None:
    """Keep what was believed of the method, and why it was bought or not."""
    for name, value in explain(inquiry.desk).items():
        market.measure(name, value)
