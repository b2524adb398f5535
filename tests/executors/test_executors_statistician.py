from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from synthetic_tables import MAKERS, recording

from istar.executors import EXECUTORS, Executor, Heard, History, Market
from istar.executors.executor import Trace
from istar.executors.statistician.fidelity.prior import FidelityPrior
from istar.executors.statistician.statistician import Statistician
from istar.executors.statistician.variants import Variant, variances_of
from istar.making.statistician.knowing import knowledge_of
from istar.rewards.budgets import at_shares, common_shares
from istar.seeds import Seed
from istar.testing.executors import ExecutorConformance
from istar.truth import stored_tables
from istar.truth.effects.records import effects_of

KINDS = tuple(MAKERS)
QUESTIONS = 5


@cache
def family(kind):
    tables = [MAKERS[kind](index) for index in range(QUESTIONS)]
    records = [effects_of(table.question, table.values) for table in tables]
    return tables, [knowledge_of(table.question, records) for table in tables]


def channels_of(table, kind):
    generator = np.random.default_rng(7)
    if kind == "noise":
        return generator.standard_normal((len(table.values), 2))
    return table.values[:, None]


class TestStatistician(ExecutorConformance):
    markets = len(KINDS)

    def make(self) -> Executor:
        return EXECUTORS.get("statistician")()

    def market(self, number: int, white_box: bool) -> Market:
        table = family(KINDS[number])[0][0]
        heard = recording(table, channels_of(table, "noise" if number % 2 else "truth"), 0.15) if white_box else None
        return Market(table, heard)

    def history(self, number: int, white_box: bool) -> History:
        tables, known = family(KINDS[number])
        asked, *others = [table.question.hash for table in tables]
        return History("made/up", "synthetic", asked, tuple(others), known[0].blind, lambda: tables[1:])

    def state(self, number: int, white_box: bool):
        return family(KINDS[number])[1][0]


@pytest.mark.parametrize("kind", KINDS)
def test_method_with_nothing_to_say_changes_nothing(kind):
    tables, priors = family(kind)
    silent = recording(tables[0], np.empty((len(tables[0].values), 0)), 0.05, prepare=0.01)
    alone, beside = (
        Statistician().answer(Market(tables[0], heard), priors[0], Seed.root(4)) for heard in (None, silent)
    )
    for name in Trace.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(alone, name), getattr(beside, name), err_msg=name)


def losses(kind, channels=None, price=0.0, seeds=1):
    """The skill of the mean loss at budgets that all questions reach, what share of brute force these are, traces."""
    tables, priors = family(kind)
    own, curves, traces = [], [], []
    for table, prior in zip(tables, priors, strict=True):
        question = table.question
        for seed in range(seeds):
            heard = None if channels is None else recording(table, channels_of(table, channels), price)
            trace = Statistician().answer(Market(table, heard), prior, Seed.root(seed))
            curves.append(
                [question.functional.loss(answer, table.values, question.structure) for answer in trace.answers]
            )
            own.append(trace.checkpoints / trace.checkpoints[-1])
            traces.append(trace)
    shares = common_shares(each[0] for each in own)
    curves = [at_shares(shares, *each) for each in zip(own, curves, strict=True)]
    blind = np.mean(
        [
            table.question.functional.loss(
                prior.blind,
                table.values,
                table.question.structure,
            )
            for table, prior in zip(tables, priors, strict=True)
        ]
    )
    return 1 - np.mean(curves, axis=0) / blind, shares, traces


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_skill_grows_from_blind_to_one(kind):
    skill, shares, _ = losses(kind)
    assert skill[-1] == pytest.approx(1.0, abs=1e-9)
    assert skill[shares < 1 / 64].min() > -0.6
    assert skill[shares == 1 / 4] > skill[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_useless_channels_cost_at_most_the_cap(kind):
    tables, _ = family(kind)
    *_, traces = losses(kind, "noise", 0.4)
    for trace, table in zip(traces, tables, strict=True):
        heard = recording(table, channels_of(table, "noise"), 0.4)
        bought = max(trace.channel_batches)
        paid = heard.batches[bought - 1].flops if bought else 0
        assert paid <= 0.015 * table.brute_flops


def test_channels_too_dear_to_try_leave_the_black_box_arm_unchanged():
    tables, priors = family("shapley")
    plain = Statistician().answer(Market(tables[0]), priors[0], Seed.root(0))
    dear = recording(tables[0], tables[0].values[:, None], 3.0)
    heard = Statistician().answer(Market(tables[0], dear), priors[0], Seed.root(0))
    np.testing.assert_array_equal(plain.answers, heard.answers)
    np.testing.assert_array_equal(plain.flops_spent, heard.flops_spent)


@pytest.mark.parametrize("kind", ["shapley", "subsets"])
def test_perfect_channels_give_skill_one_at_their_price(kind):
    price = 0.1
    skill, share, _ = losses(kind, "truth", price)
    assert skill[share > 1.4 * price].min() > 0.96


def test_intervals_cover():
    inside, count = 0, 0
    for kind in ("shapley", "subsets"):
        tables, _ = family(kind)
        for trace, table in zip(losses(kind)[-1], tables, strict=True):
            truth = table.question.functional.answer(table.values, table.question.structure)
            for place in (-11, -8, -5):
                inside += (np.abs(trace.answers[place] - truth) <= 1.645 * trace.spread[place]).sum()
                count += len(truth)
    assert 0.78 <= inside / count <= 0.98


@pytest.mark.parametrize("design", ["greedy", "paired", "random"])
def test_every_design_buys_everything_in_the_end(design):
    tables, priors = family("removal")
    trace = Statistician(Variant(design=design)).answer(Market(tables[0]), priors[0], Seed.root(0))
    assert trace.rows_bought[-1] == len(tables[0].values)


@cache
def rows_left(kind):
    """What rows alone leave of the loss, at every budget."""
    skill, shares, _ = losses(kind)
    return np.stack([shares, 1 - skill], axis=1)


def heard_before(kind, channels, price):
    """Tables, priors, recordings, and for each question what the others taught of the method."""
    tables, priors = family(kind)
    recordings = [recording(table, channels_of(table, channels), price) for table in tables]
    records = [
        Statistician().appraise(Heard(table, heard, rows_left(kind)), known)
        for table, heard, known in zip(tables, recordings, priors, strict=True)
    ]
    return [
        (table, prior, heard, FidelityPrior.learn([each for each in records if each.question != table.question.hash]))
        for table, prior, heard in zip(tables, priors, recordings, strict=True)
    ]


@pytest.mark.parametrize("kind", ["shapley", "removal", "subsets"])
def test_with_experience_noise_is_not_bought(kind):
    for table, prior, heard, fidelity in heard_before(kind, "noise", 0.4):
        trace = Statistician().answer(Market(table, heard), replace(prior, fidelity=fidelity), Seed.root(0))
        bought = max(trace.channel_batches)
        assert (heard.batches[bought - 1].flops if bought else 0) <= 0.02 * table.brute_flops


@pytest.mark.parametrize("kind", ["shapley", "removal", "subsets"])
def test_with_experience_perfect_channels_give_skill_one_at_their_price(kind):
    """One question may take longer: a few rows can cast doubt on the truth for a while; on which, last bits decide."""
    price, soon = 0.02, []
    for table, prior, heard, fidelity in heard_before(kind, "truth", price):
        trace = Statistician().answer(Market(table, heard), replace(prior, fidelity=fidelity), Seed.root(0))
        exact = table.question.functional.answer(table.values, table.question.structure)
        missed = ((trace.answers - exact) ** 2).sum(1) / ((prior.blind - exact) ** 2).sum()
        share = trace.checkpoints / trace.checkpoints[-1]
        assert missed[share > 5 * price].max() < 0.05
        soon.append(missed[share > 2.5 * price].max() < 0.05)
    assert sum(soon) >= len(soon) - 1


@pytest.mark.parametrize("kind", KINDS)
def test_whose_channels_it_ignores_it_answers_like_the_black_box_arm_to_the_last_bit(kind):
    table, prior, heard, fidelity = heard_before(kind, "noise", 0.01)[0]
    silent = FidelityPrior.learn([replace(each, prices=np.zeros(0), sums={}) for each in fidelity.appraisals])
    stall, known = Market(table, heard), replace(prior, fidelity=silent)
    assert Statistician().ignores_channels(stall, known)
    with_it = Statistician().answer(stall, known, Seed.root(0))
    without = Statistician().answer(Market(table), prior, Seed.root(0))
    for name in Trace.__dataclass_fields__:
        if name != "measures":
            np.testing.assert_array_equal(getattr(with_it, name), getattr(without, name), err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_it_listens_to_the_truth(kind):
    for table, prior, heard, fidelity in heard_before(kind, "truth", 0.01):
        stall, known = Market(table, heard), replace(prior, fidelity=fidelity)
        assert not Statistician().ignores_channels(stall, known)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_is_listened_to_whatever_is_asked(kind):
    tables, priors = family(kind)
    heard = recording(tables[0], channels_of(tables[0], "truth"), 0.001)
    assert not Statistician().ignores_channels(Market(tables[0], heard), priors[0])


@pytest.mark.slow
def test_a_stranger_that_knows_the_truth_does_no_harm_before_all_of_it_is_paid_for():
    tables = stored_tables("context_attribution/reviews-loo", "smollm2-135m")
    records = [effects_of(table.question, table.values) for table in tables]
    skills = []
    for table in tables[:3]:
        prior, question = knowledge_of(table.question, records), table.question
        heard = recording(table, table.values[:, None], 0.03)
        trace = Statistician().answer(Market(table, heard), prior, Seed.root(0))
        assert trace.channel_batches[-1] == len(heard.batches)
        loss = [question.functional.loss(each, table.values, question.structure) for each in trace.answers]
        skills.append(1 - np.array(loss) / loss[0])
    assert np.mean(skills, axis=0).min() > -0.05


def test_a_method_without_channels_is_left_alone():
    tables, priors = family("shapley")
    silent = [recording(table, np.zeros((len(table.values), 0)), 0.0) for table in tables]
    records = [
        Statistician().appraise(Heard(table, heard, rows_left("shapley")), known)
        for table, heard, known in zip(tables, silent, priors, strict=True)
    ]
    fidelity = FidelityPrior.learn(records[1:])
    plain = Statistician().answer(Market(tables[0]), priors[0], Seed.root(0))
    deaf = Statistician().answer(Market(tables[0], silent[0]), replace(priors[0], fidelity=fidelity), Seed.root(0))
    np.testing.assert_array_equal(plain.answers, deaf.answers)
    assert not deaf.channel_batches.any()


def test_simpler_models_keep_the_total_variance():
    _, priors = family("shapley")
    full = priors[0].prior.variances
    for model in ("pairwise", "additive"):
        simpler = variances_of(model, full)
        assert sum(simpler.values()) == pytest.approx(sum(full.values()))
        assert simpler["common.switch_triples"] == 0.0
