"""Sealed rows are not sold, and the statistician predicts them from the others."""

import numpy as np
import pytest
from synthetic_tables import _table, recording

from istar.executors import ExecutorError, Heard, Market, Statistician
from istar.executors.statistician.fidelity.prior import FidelityPrior
from istar.making.statistician.knowing import knowledge_of
from istar.questions import BestArmMean, IntentProbability
from istar.seeds import Seed
from istar.truth.effects.records import effects_of

INPUTS, VARIANTS, REPLICATES = 12, 5, 4
OPEN = INPUTS * VARIANTS * REPLICATES


def sealed_table(index, functional=None):
    """Inputs that differ in one thing, which shows in every variant but the first, and in the sealed one."""
    generator = np.random.default_rng([index, 12])
    cells = [(i, v, r, 0) for i in range(INPUTS) for v in range(VARIANTS) for r in range(REPLICATES)]
    cells += [(i, VARIANTS, r, 1) for i in range(INPUTS) for r in range(REPLICATES)]
    unit, variant, replicate, sealed = np.array(cells).T
    able = generator.standard_normal(INPUTS)[unit] * (variant > 0)
    values = able + 0.3 * generator.standard_normal(VARIANTS + 1)[variant] + 0.2 * generator.standard_normal(len(cells))
    tokens = [tuple(100 * i + 10 * v + t for t in range(9)) + (7000 + r,) * 3 for i, v, r, _ in cells]
    columns = {"input": ("arm", unit), "variant": ("arm", variant), "shots": ("nuisance", replicate)}
    columns |= {"sealed": ("sealed", sealed)}
    asked = functional or IntentProbability("input", "variant")
    return _table("sealed/synthetic", index, tokens, columns, asked, values)


@pytest.fixture(scope="module")
def tables():
    return [sealed_table(index) for index in range(4)]


@pytest.fixture(scope="module")
def records(tables):
    return [effects_of(table.question, table.values) for table in tables]


def answered(table, records):
    return Statistician().answer(Market(table), knowledge_of(table.question, records), Seed.root(0))


def test_the_market_does_not_sell_sealed_rows(tables):
    stall = Market(tables[0], checkpoints=np.array([tables[0].prices.total]))
    assert np.flatnonzero(~stall.on_sale).tolist() == list(range(OPEN, OPEN + INPUTS * REPLICATES))
    with pytest.raises(ExecutorError, match=f"row {OPEN + 1} is sealed: nobody may buy it, only predict it"):
        stall.buy(np.array([3, OPEN + 1]))
    assert stall.spent == 0
    stall.buy(np.arange(OPEN))
    assert not stall.on_sale.any()
    assert np.isnan(stall.known_values[OPEN:]).all()
    assert len(stall.view.runs) == OPEN


@pytest.mark.parametrize("functional", [IntentProbability("input", "variant"), BestArmMean("input", "shots")])
def test_the_statistician_buys_everything_else_and_predicts(functional):
    asked = [sealed_table(index, functional) for index in range(4)]
    known = [effects_of(table.question, table.values) for table in asked]
    trace = answered(asked[0], known)
    assert trace.rows_bought[-1] == OPEN
    assert (np.diff(trace.rows_bought) >= 0).all()


def test_the_prediction_is_better_than_blind_and_never_the_truth(tables, records):
    losses = []
    for table in tables:
        trace = answered(table, records)
        truth = table.question.functional.answer(table.values, table.question.structure)
        losses.append([np.mean((answer - truth) ** 2) for answer in (trace.answers[0], trace.answers[-1])])
        assert losses[-1][1] > 0
    first, last = np.mean(losses, axis=0)
    assert last < 0.3 * first


def test_channels_are_heard_where_rows_are_sealed(tables, records):
    made = [recording(table, table.values[:, None], 0.05) for table in tables]
    assert max(batch.rows.max() for batch in made[0].batches) < OPEN
    left = np.array([[1.0, 0.5], [1.0, 0.5]])
    kept = [
        Statistician().appraise(Heard(table, each, left), knowledge_of(table.question, records))
        for table, each in zip(tables, made, strict=True)
    ]
    question = tables[0].question
    known = knowledge_of(question, records, FidelityPrior.learn(kept[1:]))
    trace = Statistician().answer(Market(tables[0], made[0]), known, Seed.root(0))
    assert np.isfinite(trace.answers).all()
    assert trace.rows_bought[-1] <= OPEN
