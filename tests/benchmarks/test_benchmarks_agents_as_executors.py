"""What the comparison of agents takes for the method alone, and how it asks everybody the same."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parents[1] / "executors"))

from agent_questions import decode, executor, said, tables, task

from agents_as_executors import ORDER, Chairs, MethodAlone, figures
from istar.executors import make_executor
from istar.testing import agents


def curves(chair, heard=True, reads=decode):
    recordings = {table.question.hash: said(table) for table in tables()} if heard else None
    return Chairs(chair, task(), reads).curves(tables()[:2], recordings)


def test_a_method_that_says_the_values_has_skill_one_alone_at_its_price_without_a_row():
    for curve in curves(MethodAlone()):
        share = np.array(curve.checkpoints) / curve.brute_flops
        assert np.array(curve.skill)[share > 0.03].min() > 0.999
        assert np.array(curve.skill)[share < 0.01] == pytest.approx(curve.skill[0])
        assert max(curve.rows) == 0


def test_the_statistician_is_the_protocols_and_hears_of_the_method_from_other_questions():
    (first, _), (without, _) = curves(make_executor("statistician")), curves(make_executor("statistician"), heard=False)
    assert max(first.channel_batches) > 0
    assert max(without.channel_batches) == 0
    assert np.mean(first.skill) > np.mean(without.skill)


def test_an_expert_gains_by_the_method_and_figures_say_so():
    with_it, without = (figures(curves(executor(agents.expert), heard)) for heard in (True, False))
    assert with_it["mean_skill"] > without["mean_skill"] + 0.1
    assert with_it["channel_batches"] > without["channel_batches"] == 0
    assert with_it["ends"] == without["ends"] == ["FINAL", "FINAL"]
    assert with_it["skill_at_0.25"] > 0.9
    assert with_it["refused"] < without["refused"]  # where it asked a method that there is not


def test_rows_that_give_orders_are_obeyed_by_who_obeys():
    obeyed = figures(curves(executor(agents.obedient), heard=False, reads=lambda tokens: ORDER))
    assert obeyed["mean_skill"] < -100
    assert figures(curves(executor(agents.obedient), heard=False))["mean_skill"] > -10
