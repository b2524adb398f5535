import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from synthetic_tables import recording, removal_table, shapley_table, stream_table

from istar import plugins
from istar.executors import (
    ExecutorError,
    Market,
    Trace,
    budget_checkpoints,
)
from istar.executors.statistician.table_model.priors import PriorError, TaskPrior, pool
from istar.flops import PriceSheet
from istar.questions import Column, Structure
from istar.rewards import SkillError
from istar.rewards.blind import blind_answer
from istar.testing.stores import make_table
from istar.truth.effects import records as kept
from istar.truth.effects.records import EffectsError, _read, effects_of, learn_effects, write_records


@pytest.fixture(scope="module")
def tables():
    return [shapley_table(index, players=3, queries=4) for index in range(4)]


@pytest.fixture(scope="module")
def records(tables):
    return [effects_of(table.question, table.values) for table in tables]


def priced(*rows, shared=0):
    """The prices of rows that share a segment, and their structure; rows of a negative price are sealed."""
    flops = np.abs(np.array(rows, dtype=np.int64))
    sealed = tuple(float(each < 0) for each in rows)
    columns = [Column("row", "nuisance", tuple(map(float, range(len(rows)))))]
    columns += [Column("sealed", "sealed", sealed)] if any(sealed) else []
    prices = PriceSheet(np.array([shared]), np.zeros(1, np.int64), csr_matrix(np.ones((len(rows), 1), np.int64)), flops)
    return prices, Structure(tuple(columns))


class TestCheckpoints:
    def test_they_are_half_octaves_up_to_brute_force(self):
        prices, structure = priced(*[10**9] * 1024)
        budgets = budget_checkpoints(prices, structure)
        assert budgets[-1] == prices.total
        np.testing.assert_allclose(budgets[1:] / budgets[:-1], 2**0.5, rtol=1e-6)

    @pytest.mark.parametrize(
        ("rows", "octaves"),
        [
            ([10**9] * 1024, 10),  # the cheapest row
            ([10**9] * 1500, 10.5),  # the first half octave that buys it
            ([10**9] * 16384, 12),  # 1/4096, as that is more
            ([10**9] * 1023 + [10], 12),
            ([10**9] * 100, 8),  # 1/256 at the latest, since channels may cost less than a row
            ([10**9], 8),
            ([10**9] * 1024 + [-10], 10),  # a sealed row cannot be bought
        ],
    )
    def test_they_begin_at_the_cheapest_row_or_a_4096th(self, rows, octaves):
        prices, structure = priced(*rows)
        budgets = budget_checkpoints(prices, structure)
        assert len(budgets) == 2 * octaves + 1
        assert budgets[0] / prices.total == pytest.approx(2.0**-octaves, rel=1e-6)
        later = [int(np.floor(prices.total * 2.0 ** (-half / 2))) for half in range(16, 0, -1)]
        assert set(later) <= set(budgets.tolist())

    def test_what_rows_share_is_part_of_the_price_of_each(self):
        prices, structure = priced(*[10**9] * 1024, shared=10**10)
        assert budget_checkpoints(prices, structure)[0] / prices.total == pytest.approx(2.0**-8, rel=1e-6)

    def test_a_market_has_those_of_its_question(self, tables):
        table = tables[0]
        expected = budget_checkpoints(table.prices, table.question.structure)
        np.testing.assert_array_equal(Market(table).checkpoints, expected)

    def test_few_flops_have_few_budgets(self):
        assert budget_checkpoints(*priced(1, 1)).tolist() == [1, 2]

    def test_rows_that_cost_nothing_have_none(self):
        with pytest.raises(ExecutorError, match="together cost nothing, so there is no budget"):
            budget_checkpoints(*priced(0, 0))


def test_prices_are_the_bills(tables, records):
    market = Market(tables[0], checkpoints=np.array([tables[0].prices.total]))
    rows = np.array([0, 5, 9])
    price = tables[0].prices.bill().price(rows)
    np.testing.assert_array_equal(market.buy(rows), tables[0].values[rows])
    assert market.spent == price
    assert market.bought.sum() == 3


def test_a_purchase_above_the_allowance_is_refused(tables, records):
    market = Market(tables[0])
    with pytest.raises(ExecutorError, match=r"buying 32 rows costs \d+ FLOPs, but only \d+ may be spent"):
        market.buy(np.arange(32))
    assert market.spent == 0
    assert not market.bought.any()


def test_a_recording_of_another_question_is_refused(tables, records):
    other = recording(tables[1], tables[1].values[:, None], 0.1)
    with pytest.raises(ExecutorError, match="the recording is of question"):
        Market(tables[0], other)


def test_a_failed_method_has_nothing_to_sell(tables, records):
    failed = dataclasses.replace(recording(tables[0], tables[0].values[:, None], 0.1), error="boom")
    with pytest.raises(ExecutorError, match=r"the method failed on this question.*boom"):
        Market(tables[0], failed)


def test_channels_cost_what_they_cost(tables, records):
    table = tables[0]
    market = Market(
        table,
        recording(table, table.values[:, None], 0.1, prepare=0.01),
        checkpoints=np.array([table.prices.total]),
    )
    while (offer := market.channel_offer()) is not None:
        before = market.spent
        batch = market.buy_channels()
        assert market.spent - before == offer.flops
        np.testing.assert_allclose(batch[:, 0], table.values[offer.rows], rtol=1e-6)
    assert market.spent == pytest.approx(0.11 * table.prices.total, rel=1e-6)
    with pytest.raises(ExecutorError, match="no further batch"):
        market.buy_channels()


def test_a_trace_needs_an_answer_at_every_checkpoint(tables, records):
    market = Market(tables[0])
    with pytest.raises(ExecutorError, match="has no answer yet"):
        market.trace()


def test_a_trace_above_budget_is_refused():
    one = np.array([5])
    with pytest.raises(ExecutorError, match="above its budget"):
        Trace(
            one, np.array([9]), np.zeros((1, 1)), np.zeros((1, 1)), one, one, np.array([1]), 9, np.zeros(1), np.zeros(1)
        )


@pytest.mark.parametrize("stated", [True, False])
def test_a_stop_keeps_the_interval_of_its_answer(tables, stated):
    market = Market(tables[0])
    market.stop(np.array([1.0, 2.0]), np.array([0.5, np.nan]) if stated else None)
    while market.next_checkpoint is not None:
        market.record(np.zeros(2), np.ones(2))
    trace = market.trace()
    np.testing.assert_array_equal(trace.stop_spread, [0.5 if stated else np.nan, np.nan])
    assert trace.stop == 0


def test_who_never_stops_stops_at_the_end(tables):
    market = Market(tables[0])
    while (budget := market.next_checkpoint) is not None:
        market.record(np.zeros(2), np.full(2, float(budget)))
    np.testing.assert_array_equal(market.trace().stop_spread, market.trace().spread[-1])


def test_a_prior_never_contains_its_own_question(tables, records):
    prior = pool(records, tables[2].question.hash)
    assert [record.question for record in prior.records] == [tables[index].question.hash for index in (0, 1, 3)]


def test_own_values_do_not_move_the_prior(tables, records):
    table = tables[0]
    changed = effects_of(table.question, table.values * 3 + 1)
    first, second = pool(records, table.question.hash), pool([changed, *records[1:]], table.question.hash)
    assert first.variances == second.variances
    structure, functional = table.question.structure, table.question.functional
    answers = [blind_answer(structure, functional, prior.records) for prior in (first, second)]
    np.testing.assert_array_equal(*answers)


def test_one_other_question_is_too_few(records):
    with pytest.raises(PriorError, match=r"at least 2 other questions.*istar truth build"):
        TaskPrior((records[0],))


def test_one_other_question_is_too_few_for_a_blind_answer(tables, records):
    question = tables[0].question
    with pytest.raises(SkillError, match=r"at least 2 other .*there are 1; build more with `istar truth"):
        blind_answer(question.structure, question.functional, records[1:2])


def test_a_row_reads_as_what_it_feeds_to_the_target(tables):
    market = Market(tables[0], decode=lambda tokens: " ".join(map(str, tokens)))
    assert market.text(5) == " ".join(map(str, tables[0].question.runs[5].tokens))
    with pytest.raises(ExecutorError, match=r"without a tokenizer; open it with `decode=target.decode`"):
        Market(tables[0]).text(5)


def test_a_market_holds_no_belief(tables):
    assert not {"prior", "experience", "history", "state"} & set(vars(Market(tables[0])))


def test_blind_answer_of_a_nonlinear_functional_is_the_median():
    tables = [stream_table(index, rows=60) for index in range(4)]
    records = [effects_of(table.question, table.values) for table in tables]
    question = tables[3].question
    blind = blind_answer(question.structure, question.functional, pool(records, question.hash).records)
    others = [table.question.functional.answer(table.values, table.question.structure) for table in tables[:3]]
    np.testing.assert_allclose(blind, np.median(others, axis=0))


def test_blind_answer_follows_the_number_of_outputs():
    tables = [removal_table(index, parts=4 + index) for index in range(3)]
    records = [effects_of(table.question, table.values) for table in tables]
    question = tables[2].question
    blind = blind_answer(question.structure, question.functional, pool(records, question.hash).records)
    assert blind.shape == question.functional.answer(tables[2].values, question.structure).shape


def test_records_survive_the_file(tmp_path, records):
    path = tmp_path / "x.json"
    write_records(path, "game/synthetic", "target", records)
    assert list(_read(path)) == records
    path.write_text(path.read_text().replace('"version": 2', '"version": 0'))
    with pytest.raises(EffectsError, match="another version"):
        _read(path)


def test_own_records_belong_to_a_table_and_to_code(tmp_path, monkeypatch):
    """Records learned on this machine are learned again where the table or a plug-in is another."""
    monkeypatch.setenv("ISTAR_HOME", str(tmp_path))
    tables = [make_table(index) for index in range(3)]
    learned = []
    monkeypatch.setattr(kept, "effects_of", lambda *table: learned.append(table) or effects_of(*table))
    first = learn_effects(tables)
    assert len(learned) == 3
    assert learn_effects(tables) == first
    assert len(learned) == 3

    other = replace(tables[1], values=tables[1].values + 1)
    again = learn_effects([tables[0], other, tables[2]])
    assert len(learned) == 4
    assert (again[0], again[2]) == (first[0], first[2])
    assert again[1] == effects_of(other.question, other.values)
    assert pool(again, "none").digest != pool(first, "none").digest

    monkeypatch.setitem(plugins._identities, Path("mine.py"), "edited")
    learn_effects(tables)
    assert len(learned) == 7
