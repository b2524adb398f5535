"""The surprise of rows: the code of a value, and the statistician's predictive distribution."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.special import gammaln
from synthetic_tables import MAKERS, arms_table, recording

from istar.executors import EXECUTORS, Executor, Market, Statistician
from istar.executors.history import Heard
from istar.executors.prequential import PRECISION, row_bits, states_beliefs, surprise
from istar.executors.prequential import statistician as coding
from istar.executors.statistician.fidelity.prior import FidelityPrior
from istar.making.statistician.knowing import knowledge_of
from istar.methods import Interpretation
from istar.methods.length import interpretation_bits
from istar.questions import Column, Structure
from istar.seeds import Seed
from istar.truth.effects.records import effects_of


def one(value, centre=0.0, scale=1.0, freedom=1e9):
    return float(row_bits(*(np.array([each], dtype=np.float64) for each in (value, centre, scale, freedom)))[0])


def test_a_value_costs_what_it_is_improbable():
    assert one(0.0) == pytest.approx(np.log2(np.sqrt(2 * np.pi)) + 8, abs=0.01)
    assert one(3.0) - one(0.0) == pytest.approx(4.5 / np.log(2), abs=0.01)
    assert one(0.0, scale=0.5) == pytest.approx(one(0.0) - 1, abs=0.01)
    assert one(0.5, centre=0.5, scale=1e-9) == pytest.approx(0.0, abs=0.01), "what is certain costs nothing"


def test_narrow_and_wide_bins_agree():
    # the two ways to the probability of a bin, at the width where one takes the other's place
    for value in (0.0, 1.0, -6.0):
        just, under = (
            one(value * scale, scale=scale, freedom=25.0) for scale in (PRECISION / 1.0001e-3, PRECISION / 0.9999e-3)
        )
        assert just == pytest.approx(under, abs=0.01)


@pytest.mark.parametrize("scale", [1e-6, 0.3 * PRECISION, PRECISION, 0.05])
@pytest.mark.parametrize("centre", [0.0, 0.4 * PRECISION])
@pytest.mark.parametrize("freedom", [20.0, 1e6])
def test_no_more_is_given_away_than_there_is(scale, centre, freedom):
    # Kraft's inequality: the probabilities of all values that can be written down are 1 together at the most
    values = np.arange(-4000, 4001) * PRECISION
    parts = [np.full(len(values), each) for each in (centre, scale, freedom)]
    together = float((2.0 ** -row_bits(values, *parts)).sum())
    assert 0.99 < together <= 1.0


def test_whoever_is_wrong_and_sure_pays_a_bounded_price():
    assert one(1e6, scale=1e-6, freedom=20.0) <= 74.001
    assert np.isfinite(one(1e300, scale=1e-6, freedom=20.0))


@cache
def tables(kind):
    return tuple(MAKERS[kind](index) for index in range(6))


def knowledge(every, asked):
    """What is known of the task when one of its questions is asked."""
    return knowledge_of(asked.question, [effects_of(each.question, each.values) for each in every])


def measured(every, said=None, price=0.01):
    """The surprise of the first table's rows; with channels `said(table)`, appraised on the others."""
    executor, asked = Statistician(), every[0]
    state, mine = knowledge(every, asked), None
    if said is not None:
        left = np.array([[0.01, 1.0], [0.1, 0.5], [1.0, 0.0]])
        told = [recording(each, said(each), price) for each in every]
        heard = [Heard(each, words, left) for each, words in zip(every[1:], told[1:], strict=True)]
        appraisals = [executor.appraise(each, knowledge(every, each.table)) for each in heard]
        state, mine = replace(state, fidelity=FidelityPrior.learn(appraisals)), told[0]
    used = Market(asked, mine)
    executor.answer(used, state, Seed.root(0))
    return surprise(executor, used, Market(asked, mine), asked.values, state, Seed.root(0)), used


def blurred(correlation):
    def said(table):
        noise = np.random.default_rng([1, table.question.index]).standard_normal(len(table.values))
        values = table.values
        return (correlation * values + np.sqrt(1 - correlation**2) * values.std() * noise)[:, None]

    return said


@pytest.mark.parametrize("kind", ["shapley", "arms", "stream"])
def test_without_channels_it_is_the_marginal_likelihood_in_whatever_order(kind):
    every = tables(kind)
    bits, used = measured(every)
    assert sum(deed.kind == "buy" for deed in used.deeds) > 1
    values, state = every[0].values, knowledge(every, every[0])
    inquiry = coding.StatisticianCoder(Statistician(), Market(every[0]), state, Seed.root(0))._inquiry
    grid, process = inquiry.space.grid, inquiry.process
    # the covariance of all rows, spelled out
    design = grid.gather(np.moveaxis(process.design, -1, 0))
    common = process.common_root[grid.arm]
    same = grid.replicate[:, None] == grid.replicate
    covariance = design.T @ design + common @ common.T + same * process.own[np.ix_(grid.arm, grid.arm)]
    off, count, weight = values - grid.gather(process.prior_mean), len(values), process.scale_weight
    square = off @ np.linalg.solve(covariance, off)
    log = gammaln((weight + count) / 2) - gammaln(weight / 2) - 0.5 * count * np.log(weight * np.pi)
    log -= 0.5 * np.linalg.slogdet(covariance)[1] + 0.5 * (weight + count) * np.log1p(square / weight)
    joint = -(log + count * np.log(PRECISION)) / np.log(2)
    assert bits == pytest.approx(joint, rel=3e-3)


@pytest.mark.parametrize("kind", ["shapley", "arms", "stream"])
def test_how_many_rows_are_coded_together_changes_nothing(kind, monkeypatch):
    whole, _ = measured(tables(kind), blurred(0.9))
    monkeypatch.setattr(coding, "TOGETHER", 17)
    parts, _ = measured(tables(kind), blurred(0.9))
    assert parts == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("kind", ["shapley", "arms", "stream"])
def test_what_foretells_rows_saves_bits_and_noise_saves_none(kind):
    every = tables(kind)
    without, _ = measured(every)
    lengths = {correlation: measured(every, blurred(correlation))[0] for correlation in (0.9, 0.99, 1.0)}
    assert lengths[1.0] < lengths[0.99] < without
    assert lengths[1.0] < 0.4 * without
    noise, used = measured(every, blurred(0.0))
    assert noise == pytest.approx(without, rel=0.005)
    if used.channel_batches == 0:
        assert noise == without


@pytest.mark.parametrize("kind", ["shapley", "arms", "stream"])
def test_a_table_of_the_answers_is_longer_than_what_it_saves(kind):
    every = tables(kind)
    saved = measured(every)[0] - measured(every, blurred(1.0))[0]
    rows = torch.tensor(np.round(every[0].values / PRECISION), dtype=torch.int32)
    assert interpretation_bits(Interpretation({"rows": rows})) > saved > 0


def test_no_channel_saves_more_than_the_mutual_information():
    # of rows and a channel with correlation rho: -log2(1 - rho^2) / 2 bits a row, where rows are alike but for noise
    every = tuple(arms_table(index, arms=12, examples=24) for index in range(6))
    residual = measured(every)[0] - measured(every, blurred(0.95))[0]
    assert residual <= -0.5 * np.log2(1 - 0.95**2) * len(every[0].values)


def test_both_arms_write_down_the_same_rows_though_channels_use_up_the_budget():
    every = tables("shapley")
    bits, used = measured(every, blurred(0.99), price=0.2)
    assert used.channel_batches > 0
    bought = sum(len(deed.rows) for deed in used.deeds if deed.kind == "buy")
    assert bought < len(every[0].values), "some rows could not be paid any more"
    free, _ = measured(every, blurred(0.99), price=1e-6)
    assert bits > 0.5 * free


def test_sealed_rows_are_written_down_by_nobody():
    every = tables("shapley")
    asked = every[0].question
    hidden = Column("hidden", "sealed", tuple(float(row >= 700) for row in range(len(asked.runs))))
    question = replace(asked, structure=Structure((*asked.structure.columns, hidden)))
    some, used = measured((replace(every[0], question=question), *every[1:]))
    assert used.bought.sum() == 700
    assert some < measured(every)[0]


def test_only_executors_with_beliefs_have_a_surprise():
    class Guesser(Executor):
        def answer(self, market, state, seed):
            raise NotImplementedError

    assert states_beliefs(Statistician())
    assert not states_beliefs(Guesser())
    assert [name for name in EXECUTORS if EXECUTORS.get(name) is Statistician] == ["statistician"]
