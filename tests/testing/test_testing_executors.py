"""The suites for executors hold of one that answers otherwise each time, and find faults."""

import itertools
from functools import cache

import numpy as np
import pytest

from istar.arms.task_questions import TaskQuestions
from istar.executors import Executor, History, Market
from istar.methods.recording import ChannelBatch, Recording
from istar.questions import nested_batches
from istar.seeds import Seed
from istar.storage import Store
from istar.testing.executors import ExecutorConformance, TranscriptConformance
from istar.testing.stores import make_table

BLIND = np.array([0.25, -0.25])
TABLES = tuple(make_table(index) for index in range(3))


@cache
def said() -> Recording:
    table, done, batches = TABLES[0], 0, []
    for rows in nested_batches(table.question.structure, Seed.root(0)):
        done += len(rows)
        channels = table.values[rows, None].astype(np.float32)
        batches.append(ChannelBatch(rows, channels, table.brute_flops * done // (20 * len(table.values))))
    return Recording("method", table.question.hash, table.target, "v1", tuple(batches), 0)


class Moody(Executor):
    """It reads rows, buys them in any order, and answers with what it fancies until it knows: like a language model."""

    deterministic = False
    calls = itertools.count()

    def answer(self, market: Market, state: np.ndarray, seed: Seed):
        mood = np.random.default_rng()
        read = market.text(0)
        while market.next_checkpoint is not None:
            for row in mood.permutation(np.flatnonzero(market.on_sale)):
                if market.bill.price(np.array([row])) <= market.allowance:
                    market.buy(np.array([row]))
            known = market.functional.answer(np.nan_to_num(market.known_values), market.structure)
            market.record(known if market.bought.all() else state + mood.normal(size=2), np.full(2, np.nan))
        market.measure("characters_read", len(read))
        market.measure("call", next(self.calls))
        return market.trace()

    def learn(self, history: History):
        return history.blind


class OnMadeUpTables(ExecutorConformance):
    def market(self, number: int, white_box: bool) -> Market:
        return Market(TABLES[0], said() if white_box else None, decode=lambda tokens: " ".join(map(str, tokens)))

    def history(self, number: int, white_box: bool) -> History:
        asked, *others = [table.question.hash for table in TABLES]
        return History("made_up/numbers", TABLES[0].target, asked, tuple(others), BLIND, lambda: TABLES[1:])


class OnMadeUpTask(TranscriptConformance):
    def questions(self):
        hashes = [table.question.hash for table in TABLES]
        blind, references = dict.fromkeys(hashes, BLIND), dict.fromkeys(hashes, 1.0)
        return TaskQuestions("made_up/numbers", "train", TABLES, blind, references), said()


class TestMoody(OnMadeUpTables, OnMadeUpTask):
    def make(self) -> Executor:
        return Moody()


def test_an_executor_that_answers_otherwise_must_say_so():
    class Claims(OnMadeUpTables):
        def make(self):
            return type("Moodier", (Moody,), {"deterministic": True})()

    with pytest.raises(AssertionError):
        Claims().test_same_seed_gives_the_same_trace()


def test_what_is_lost_is_another_answer(tmp_path):
    suite = TestMoody()
    first, again = suite._arms(tmp_path / "one"), suite._arms(tmp_path / "two")
    before, after = suite._curves(first, white_box=False), suite._curves(again, white_box=False)
    assert before != after
    assert {curve.measures["characters_read"] for curve in before} == {
        len(" ".join(map(str, TABLES[0].question.runs[0].tokens)))
    }


def test_answers_that_are_not_kept_are_found_out(tmp_path, monkeypatch):
    """The suite fails for stores that forget."""
    monkeypatch.setattr(Store, "put", lambda *_: None)
    with pytest.raises(AssertionError):
        TestMoody().test_an_answer_that_is_kept_is_served_bit_for_bit(tmp_path, white_box=False)
