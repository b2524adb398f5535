"""Purchase plans: for a linear functional the whole order of buying follows from structure, prices and prior.

The variance of a linear functional under a Gaussian belief does not depend on the values, so nothing is lost by
planning ahead, and one plan serves every method's replay of the same question and seed. The arithmetic that made a
stage of the plan is charged in every replay that enters the stage.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.statistician.design.greedy import (
    affordable_prefix,
    greedy_rows,
    paired_order,
    prices_along,
    random_order,
)
from istar.executors.statistician.settings import FIRST_STAGE, KEPT_PLANS
from istar.executors.statistician.table_model.process import Process
from istar.executors.statistician.variants import Variant
from istar.flops.prices import PriceSheet
from istar.seeds import Seed


@dataclass(frozen=True)
class PurchasePlan:
    """An order of all rows that are on sale, made in stages.

    Attributes:
        order: every row of the table that is not sealed, once.
        stage_start: place in `order` where each stage begins.
        stage_flops: arithmetic that made each stage.
    """

    order: Int[np.ndarray, " rows"]
    stage_start: tuple[int, ...]
    stage_flops: tuple[int, ...]


_PLANS: OrderedDict[Hashable, PurchasePlan] = OrderedDict()
_LOCK = Lock()
"""Held while `_PLANS` is looked into or changed, never while a plan is made: trials side by side replay in threads."""


def kept_plan(key: Hashable, make: Callable[[], PurchasePlan]) -> PurchasePlan:
    """Return a plan from memory, or make and keep it; the key identifies everything that it depends on."""
    with _LOCK:
        known = _PLANS.get(key)
        if known is not None:
            _PLANS.move_to_end(key)
            return known
    plan = make()
    with _LOCK:
        _PLANS[key] = plan
        _PLANS.move_to_end(key)
        while len(_PLANS) > KEPT_PLANS:
            _PLANS.popitem(last=False)
    return plan


def plan_purchases(
    process: Process,
    weights: Float[np.ndarray, "outputs arms replicates"],
    sheet: PriceSheet,
    checkpoints: Int[np.ndarray, " checkpoints"],
    variant: Variant,
    seed: Seed,
    sealed: Bool[np.ndarray, " rows"],
) -> PurchasePlan:
    """Return the plan for a question.

    Args:
        process: the prior over the table.
        weights: the functional.
        sheet: the prices.
        checkpoints: FLOP budgets; a stage of the plan leads up to each from `FIRST_STAGE` of brute force on.
        variant: the design.
        seed: decides random choices.
        sealed: rows that cannot be bought.
    """
    grid, arithmetic = process.grid, process.arithmetic
    generator = seed.split("plan").generator()
    bill = sheet.bill()
    bought = np.zeros(sheet.rows, dtype=bool)
    nothing = np.zeros((grid.arms, grid.replicates))
    order: list[Int[np.ndarray, " some"]] = []
    starts: list[int] = []
    flops: list[int] = []
    arithmetic.take()

    def take(rows: Int[np.ndarray, " some"]) -> None:
        starts.append(int(bought.sum()))
        flops.append(arithmetic.take())
        bill.buy(rows)
        bought[rows] = True
        order.append(rows)

    def greedy(allowance: int) -> bool:
        posterior = process.condition(grid.spread(bought), nothing)
        rows, _ = greedy_rows(posterior, weights, sheet, bought, bought | sealed, allowance, generator)
        if len(rows):
            take(rows)
        return len(rows) > 0

    if variant.design == "greedy":
        for budget in checkpoints[checkpoints >= int(FIRST_STAGE * sheet.total)].tolist():
            if budget > variant.greedy_share * sheet.total:
                break
            while not (bought | sealed).all() and greedy(budget - bill.spent):
                pass
    left = ~(bought | sealed)
    if left.any():
        if variant.design == "random":
            rest = random_order(left, generator)
        else:
            rest = paired_order(grid, grid.spread(left), weights, variant.chunk, generator)
        arithmetic.elementwise(len(rest))
        take(rest)
    return PurchasePlan(np.concatenate(order), tuple(starts), tuple(flops))


class PlanFollower:
    """Follows a plan through one replay.

    Args:
        plan: the plan.
        sheet: the prices.
    """

    def __init__(self, plan: PurchasePlan, sheet: PriceSheet) -> None:
        """See the class docstring."""
        self.plan, self.sheet = plan, sheet
        self._stage = 0
        self._spent = np.cumsum(prices_along(sheet, np.zeros(sheet.rows, dtype=bool), plan.order))

    def next_rows(
        self,
        bought: Bool[np.ndarray, " rows"],
        allowance: int,
        among: Bool[np.ndarray, " rows"] | None = None,
        most: int | None = None,
    ) -> Int[np.ndarray, " rows"]:
        """Return the next rows of the plan that the allowance affords.

        Args:
            bought: rows bought so far.
            allowance: FLOPs that may be spent.
            among: only these rows.
            most: at most so many.
        """
        done = int(bought.sum())
        if among is None and most is None and bought[self.plan.order[:done]].all():
            limit = allowance + (int(self._spent[done - 1]) if done else 0)
            return self.plan.order[done : int(np.searchsorted(self._spent, limit, side="right"))]
        wanted = ~bought if among is None else ~bought & among
        rest = self.plan.order[wanted[self.plan.order]][:most]
        return affordable_prefix(self.sheet, bought, rest, allowance)

    def arithmetic(self, bought: int) -> int:
        """Return the arithmetic of the stages entered by now that has not been returned before."""
        flops = 0
        while self._stage < len(self.plan.stage_start) and self.plan.stage_start[self._stage] <= bought:
            flops += self.plan.stage_flops[self._stage]
            self._stage += 1
        return flops
