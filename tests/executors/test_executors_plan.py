"""The memory of plans, which threads share."""

from collections import OrderedDict
from functools import partial
from threading import Thread

import numpy as np
import pytest
from synthetic_tables import shapley_table

from istar.executors import Market, Statistician
from istar.executors.statistician.design import plan as plans
from istar.executors.statistician.design.plan import PurchasePlan, kept_plan
from istar.executors.statistician.statistician import Inquiry
from istar.executors.statistician.variants import Variant
from istar.making.statistician.knowing import knowledge_of
from istar.seeds import Seed
from istar.truth.effects.records import effects_of


class Interleaving(OrderedDict):
    """A memory in which another thread gets its turn just before anything is moved to the end."""

    other = staticmethod(lambda: None)

    def move_to_end(self, key, last=True):
        other, self.other = self.other, lambda: None
        thread = Thread(target=other)
        thread.start()
        # it has come and gone by now, or waits for its turn: the outcome must be the same
        thread.join(0.3)
        self.waiting = thread
        super().move_to_end(key, last)


@pytest.fixture
def memory(monkeypatch):
    memory = Interleaving()
    MADE.clear()
    monkeypatch.setattr(plans, "_PLANS", memory)
    monkeypatch.setattr(plans, "KEPT_PLANS", 1)
    return memory


MADE = []


def plan(key):
    """Return the plan of a key; each that is made tells how many were."""

    def make():
        MADE.append(key)
        return PurchasePlan(np.array([len(MADE)]), (0,), (1,))

    return kept_plan(key, make)


def test_a_thread_may_drop_a_plan_while_another_takes_it(memory):
    """What another thread makes leaves no room for the plan that is just being taken."""
    first = plan("mine")
    memory.other = partial(plan, "another")
    assert plan("mine") is first
    memory.waiting.join()
    assert list(memory) == ["another"]


def test_a_thread_may_drop_a_plan_that_another_has_just_made(memory):
    memory.other = partial(plan, "another")
    assert plan("mine").order.tolist() == [1]
    memory.waiting.join()
    assert list(memory) == ["another"]


def test_the_longest_unused_plan_is_dropped(memory, monkeypatch):
    monkeypatch.setattr(plans, "KEPT_PLANS", 2)
    for key in ("a", "b", "a", "c"):
        plan(key)
    assert list(memory) == ["a", "c"]
    assert MADE == ["a", "b", "c"]


def test_budgets_before_the_first_stage_buy_the_beginning_of_the_same_plan():
    """They take nothing from what larger budgets buy, and no further planning is paid for."""
    tables = [shapley_table(index, players=7, queries=10) for index in range(3)]
    known = knowledge_of(tables[0].question, [effects_of(each.question, each.values) for each in tables])
    every = Market(tables[0]).checkpoints
    assert every[0] < plans.FIRST_STAGE * every[-1] / 1.4
    found = []
    for checkpoints in (every, every[-17:]):
        plans._PLANS.clear()
        inquiry = Inquiry(Market(tables[0], checkpoints=checkpoints), known, Variant(greedy_share=0.2), Seed.root(0))
        found.append(inquiry.plan().plan)
    np.testing.assert_array_equal(found[0].order, found[1].order)
    assert found[0].stage_flops == found[1].stage_flops
    trace = Statistician(Variant(greedy_share=0.2)).answer(Market(tables[0]), known, Seed.root(0))
    assert 0 < trace.rows_bought[0] < trace.rows_bought[-17]
