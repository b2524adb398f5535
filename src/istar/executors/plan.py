"""Purchase plans: for a linear functional the whole order of buying follows from structure, prices and prior.

The variance of a linear functional under a Gaussian belief does not depend on the values, so nothing is lost by
planning ahead, and one plan serves every method's replay of the same question and seed. The arithmetic that made a
stage of the plan is charged in every replay that enters the stage.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.executors.design import affordable_prefix, greedy_rows, paired_order, random_order
from istar.executors.process import Process
from istar.executors.variants import Variant
from istar.flops.prices import PriceSheet
from istar.seeds import Seed

KEPT_PLANS = 64


@dataclass(frozen=True)
class Plan:
    """An order of all rows, made in stages.

    Attributes:
        order: every row of the table, once.
        stage_start: place in `order` where each stage begins.
        stage_flops: arithmetic that made each stage.
    """

    order: Int[np.ndarray, " rows"]
    stage_start: tuple[int, ...]
    stage_flops: tuple[int, ...]


_PLANS: OrderedDict[Hashable, Plan] = OrderedDict()


def plan_purchases(
    key: Hashable,
    process: Process,
    weights: Float[np.ndarray, "outputs arms replicates"],
    sheet: PriceSheet,
    checkpoints: Int[np.ndarray, " checkpoints"],
    variant: Variant,
    seed: Seed,
    first: Bool[np.ndarray, " rows"] | None = None,
    first_count: int = 0,
) -> Plan:
    """Return the plan for a question, from memory if it was made before.

    Args:
        key: identifies everything the plan depends on.
        process: the prior over the table.
        weights: the functional.
        sheet: the prices.
        checkpoints: FLOP budgets; a stage of the plan leads up to each.
        variant: the design.
        seed: decides random choices.
        first: rows among which the first ones are chosen, or None for all.
        first_count: how many rows are chosen among those.
    """
    if key not in _PLANS:
        _PLANS[key] = _make(process, weights, sheet, checkpoints, variant, seed, first, first_count)
        while len(_PLANS) > KEPT_PLANS:
            _PLANS.popitem(last=False)
    _PLANS.move_to_end(key)
    return _PLANS[key]


def _make(
    process: Process,
    weights: Float[np.ndarray, "outputs arms replicates"],
    sheet: PriceSheet,
    checkpoints: Int[np.ndarray, " checkpoints"],
    variant: Variant,
    seed: Seed,
    first: Bool[np.ndarray, " rows"] | None,
    first_count: int,
) -> Plan:
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

    def greedy(allowance: int, only: Bool[np.ndarray, " rows"] | None, most: int | None) -> bool:
        shown = bought if only is None else bought | ~only
        posterior = process.condition(grid.spread(bought), nothing)
        rows, _ = greedy_rows(posterior, weights, sheet, bought, shown, allowance, generator, most)
        if len(rows):
            take(rows)
        return len(rows) > 0

    if variant.design == "greedy":
        if first is not None:
            while (missing := first_count - int(bought.sum())) > 0 and greedy(sheet.total, first, missing):
                pass
        for budget in checkpoints.tolist():
            if budget > variant.greedy_share * sheet.total:
                break
            while not bought.all() and greedy(budget - bill.spent, None, None):
                pass
    elif first is not None:
        take(generator.permutation(np.flatnonzero(first))[:first_count])
    if not bought.all():
        if variant.design == "random":
            rest = random_order(~bought, generator)
        else:
            rest = paired_order(grid, grid.spread(~bought), weights, variant.chunk, generator)
        arithmetic.elementwise(len(rest))
        take(rest)
    return Plan(np.concatenate(order), tuple(starts), tuple(flops))


class PlanFollower:
    """Follows a plan through one replay.

    Args:
        plan: the plan.
        sheet: the prices.
    """

    def __init__(self, plan: Plan, sheet: PriceSheet) -> None:
        """See the class docstring."""
        self.plan, self.sheet = plan, sheet
        self._stage = 0

    def next_rows(self, bought: Bool[np.ndarray, " rows"], allowance: int) -> Int[np.ndarray, " rows"]:
        """Return the next rows of the plan that the allowance affords."""
        rest = self.plan.order[~bought[self.plan.order]]
        return affordable_prefix(self.sheet, bought, rest, allowance)

    def arithmetic(self, bought: int) -> int:
        """Return the arithmetic of the stages entered by now that has not been returned before."""
        flops = 0
        while self._stage < len(self.plan.stage_start) and self.plan.stage_start[self._stage] <= bought:
            flops += self.plan.stage_flops[self._stage]
            self._stage += 1
        return flops
