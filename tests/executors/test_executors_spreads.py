"""Stated spreads: how often intervals hold the truth, the factor that makes them, and that it is applied."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic_tables import MAKERS

from istar.executors import Market
from istar.executors.statistician import statistician as statisticians
from istar.executors.statistician.portfolio import portfolio
from istar.executors.statistician.statistician import Statistician
from istar.making.statistician.knowing import knowledge_of
from istar.making.statistician.spreads import SHARES, coverage, spread_factor, standardised_errors
from istar.seeds import Seed
from istar.truth.effects.records import effects_of


def questions(spread, count=200, outputs=20):
    generator = np.random.default_rng(0)
    return [np.abs(spread * generator.standard_normal((len(SHARES), outputs))) for _ in range(count)]


@pytest.mark.parametrize("spread", [1.0, 2.5])
def test_the_factor_is_how_much_too_small_spreads_are(spread):
    errors = questions(spread)
    factor = spread_factor(errors)
    assert factor == pytest.approx(spread, rel=0.02)
    assert np.mean([coverage(each, factor) for each in errors]) == pytest.approx(0.95, abs=0.002)


def test_spreads_that_are_too_wide_are_left_alone():
    assert spread_factor(questions(0.3)) == 1.0


def test_questions_count_the_same_however_many_outputs_they_have():
    one, other = np.full((5, 1), 9.8), np.full((5, 1000), 0.1)
    assert spread_factor([one, other]) == pytest.approx(5.0)


def test_outputs_without_a_spread_are_left_out():
    nothing = np.full((5, 2), np.nan)
    assert spread_factor([nothing]) == 1.0
    assert np.isnan(coverage(nothing)).all()
    half = np.array([[np.nan, 1.0], [np.nan, 3.0]])
    assert coverage(half).tolist() == [1.0, 0.0]
    assert coverage(half, 2.0).tolist() == [1.0, 1.0]


def test_errors_are_those_of_answers_in_their_own_spreads():
    tables = [next(iter(MAKERS.values()))(index) for index in range(3)]
    records = [effects_of(table.question, table.values) for table in tables]
    variant = portfolio().variant(tables[0].question.functional.kind)
    errors = standardised_errors(tables, records, variant, range(2))
    trace = Statistician(variant).answer(Market(tables[0]), knowledge_of(tables[0].question, records), Seed.root(1))
    place = int(np.searchsorted(trace.checkpoints, trace.checkpoints[-1] / 16))
    outputs = trace.answers.shape[1]
    truth = tables[0].question.functional.answer(tables[0].values, tables[0].question.structure)
    expected = np.abs(trace.answers[place] - truth) / trace.spread[place]
    np.testing.assert_allclose(errors[0][SHARES.index(1 / 16), outputs:], expected)


def test_the_portfolios_factor_widens_what_is_stated_and_nothing_else(monkeypatch):
    tables = [next(iter(MAKERS.values()))(index) for index in range(3)]
    table = tables[0]
    kind = table.question.functional.kind
    known = knowledge_of(table.question, [effects_of(each.question, each.values) for each in tables])
    plain = Statistician(portfolio().variant(kind)).answer(Market(table), known, Seed.root(0))
    widened = replace(portfolio(), factors={kind: 3.0})
    monkeypatch.setattr(statisticians, "portfolio", lambda: widened)
    wide = Statistician().answer(Market(table), known, Seed.root(0))
    np.testing.assert_allclose(wide.spread, 3 * plain.spread)
    for name in ("answers", "flops_spent", "rows_bought", "stop"):
        np.testing.assert_array_equal(getattr(wide, name), getattr(plain, name))


@pytest.mark.parametrize("kind", ["shapley", "stream"])
def test_the_interval_where_it_stops_is_that_of_the_answer_given_there(kind):
    tables = [MAKERS[kind](index) for index in range(4)]
    known = knowledge_of(tables[0].question, [effects_of(each.question, each.values) for each in tables])
    trace = Statistician().answer(Market(tables[0]), known, Seed.root(0))
    place = int(np.flatnonzero(trace.flops_spent == trace.stop)[0])
    np.testing.assert_array_equal(trace.stop_answer, trace.answers[place])
    np.testing.assert_array_equal(trace.stop_spread, trace.spread[place])
    assert 0 < trace.stop_spread.max() < trace.spread[0].max()
