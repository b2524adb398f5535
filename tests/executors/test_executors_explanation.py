"""Why channels were bought or not goes with the curve, in numbers."""

from dataclasses import fields

import numpy as np
import pytest
from synthetic_tables import arms_table, recording, shapley_table, stream_table

from istar.executors import Heard, Market, Statistician, Trace
from istar.executors.measures import Reason
from istar.executors.statistician import statistician
from istar.executors.statistician.fidelity.prior import FidelityPrior
from istar.executors.statistician.variants import Variant
from istar.making.statistician.knowing import knowledge_of
from istar.seeds import Seed
from istar.truth.effects.records import effects_of

MAKERS = {"shapley": shapley_table, "arms": arms_table, "stream": stream_table}
ROWS_LEFT = np.array([[2.0**-octave, octave / 12] for octave in np.arange(12, -0.1, -0.5)])


def truth(table, _):
    return table.values[:, None]


def noise(table, generator):
    return generator.standard_normal((len(table.values), 1))


def nothing(table, _):
    return np.zeros((len(table.values), 0))


def asked(maker, said, price, *, elsewhere=None, stranger=False, rows_left=ROWS_LEFT):
    """Ask the first of four questions of a task, and return the market's measures and the trace, None if deaf."""
    tables = [MAKERS[maker](index) for index in range(4)]
    records = [effects_of(table.question, table.values) for table in tables]
    executor, heard = Statistician(Variant()), []
    for index, table in enumerate(tables[1:], 1):
        said_there = recording(table, (elsewhere or said)(table, np.random.default_rng(index)), price)
        state = knowledge_of(table.question, records)
        heard.append(executor.appraise(Heard(table, said_there, rows_left), state))
    known = knowledge_of(tables[0].question, records, None if stranger else FidelityPrior.learn(heard))
    said_here = recording(tables[0], said(tables[0], np.random.default_rng(0)), price)
    market = Market(tables[0], said_here)
    if executor.ignores_channels(market, known):
        return dict(market.measures), None
    trace = executor.answer(Market(tables[0], said_here), known, Seed.root(1))
    return dict(trace.measures), trace


@pytest.mark.parametrize("maker", MAKERS)
def test_channels_that_know_the_answer_are_used(maker):
    measures, trace = asked(maker, truth, 0.001)
    assert measures["channels.reason"] == Reason.USED
    assert measures["channels.known"] == 3
    assert measures["channels.price"][-1] == pytest.approx(0.001, rel=0.01)
    assert len(measures["channels.price"]) == trace.channel_batches[-1]
    for name in ("answer", "cells"):
        before, after = measures[f"channels.rho.{name}"]
        assert 0.9 < before < after
    assert measures["channels.break_even"][0] > 0.001
    assert measures["channels.gain"][0] > 0.1


@pytest.mark.parametrize("maker", MAKERS)
def test_what_is_too_dear_says_what_it_would_be_worth(maker):
    measures, trace = asked(maker, truth, 2.0)
    assert not trace.channel_batches.any()
    assert measures["channels.reason"] == Reason.TOO_DEAR
    assert measures["channels.price"][-1] == pytest.approx(2.0, rel=0.01)
    assert 0 < max(measures["channels.break_even"]) < 2.0
    assert measures["channels.next"][0] < 0
    assert measures["channels.gain"][0] == 0


@pytest.mark.parametrize("maker", MAKERS)
def test_the_break_even_price_is_where_it_turns(maker):
    even = max(asked(maker, truth, 2.0)[0]["channels.break_even"])
    assert asked(maker, truth, 0.7 * even)[1].channel_batches.any()
    assert not asked(maker, truth, 1.4 * even)[1].channel_batches.any()


@pytest.mark.parametrize("maker", MAKERS)
def test_a_stranger_of_noise_is_tried_and_given_up(maker):
    measures, trace = asked(maker, noise, 0.001, stranger=True)
    assert trace.channel_batches[-1] > 0
    assert measures["channels.reason"] == Reason.GIVEN_UP
    assert measures["channels.known"] == 0
    assert measures["channels.both"] > 5
    before, after = measures["channels.rho.answer"]
    assert after < 0.1 < before


@pytest.mark.parametrize("maker", MAKERS)
def test_what_was_noise_elsewhere_is_not_worth_anything(maker):
    measures, trace = asked(maker, noise, 0.01)
    assert trace is None or not trace.channel_batches.any()
    assert measures["channels.reason"] == Reason.WORTHLESS
    assert measures["channels.break_even"] == (0, 0)
    assert measures["channels.rho.answer"][0] < 0.2


def test_the_truth_is_not_needed_where_rows_tell_as_soon():
    soon = ROWS_LEFT * [1.0, 0.005]
    measures, trace = asked("arms", truth, 0.001, rows_left=soon)
    assert trace is None
    assert measures["channels.reason"] == Reason.NEEDLESS
    assert measures["channels.rho.answer"][0] > 0.9
    assert measures["channels.break_even"] == (0, 0)


def test_who_says_nothing_is_not_asked():
    measures, trace = asked("arms", nothing, 0.01)
    assert (measures, trace) == ({"channels.reason": Reason.NO_CHANNEL}, None)
    measures, trace = asked("arms", truth, 0.01, elsewhere=nothing)
    assert trace is None
    assert measures["channels.reason"] == Reason.NO_CHANNEL + 1 == Reason.SILENT


def test_nothing_is_changed_or_charged_by_it(monkeypatch):
    _, explained = asked("arms", truth, 0.02)
    monkeypatch.setattr(statistician, "explain", lambda desk: {})
    _, plain = asked("arms", truth, 0.02)
    assert plain.measures == {}
    for field in fields(Trace):
        if field.name != "measures":
            np.testing.assert_array_equal(getattr(explained, field.name), getattr(plain, field.name))


def test_without_a_method_nothing_is_measured():
    table = arms_table(0)
    known = knowledge_of(table.question, [effects_of(each.question, each.values) for each in map(arms_table, range(3))])
    assert Statistician(Variant()).answer(Market(table), known, Seed.root(0)).measures == {}
