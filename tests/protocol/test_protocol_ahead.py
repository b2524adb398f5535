"""Recording ahead: side by side, in order, and ended with whoever asked for it."""

from threading import Barrier, Event

import pytest
from fake_arms import table

from istar.errors import CorruptDataError
from istar.methods.contract import MethodError
from istar.protocol.ahead import Ahead
from measured import PATIENCE

TABLES = {"family/a": [table("family/a", index) for index in range(3)], "family/b": [table("family/b", 0)]}


def nothing():
    raise AssertionError("nothing was to be stopped")


def test_questions_are_recorded_once_each_in_order():
    recorded, told = [], []
    with Ahead(recorded.append, TABLES, 1, nothing, told.append) as ahead:
        for task in TABLES:
            ahead.wait(task)
            assert ahead.ready(task)
    assert recorded == told == [*TABLES["family/a"], *TABLES["family/b"]]


def test_several_are_recorded_at_a_time():
    both = Barrier(2, timeout=PATIENCE)
    with Ahead(lambda _: both.wait(), {"family/a": TABLES["family/a"][:2]}, 2, nothing) as ahead:
        ahead.wait("family/a")


def test_after_a_failure_no_further_question_of_the_task_is_asked():
    asked = []

    def record(question):
        asked.append(question)
        if question is TABLES["family/a"][0]:
            raise MethodError("it fails")

    with Ahead(record, TABLES, 1, nothing) as ahead:
        for task in TABLES:
            ahead.wait(task)
    assert asked == [TABLES["family/a"][0], TABLES["family/b"][0]]


def test_what_is_no_fault_of_the_method_is_raised_where_it_is_waited_for():
    def record(question):
        raise CorruptDataError("the store is damaged")

    stopped = Event()
    with pytest.raises(CorruptDataError, match="damaged"), Ahead(record, TABLES, 1, stopped.set) as ahead:
        ahead.wait("family/a")
    assert stopped.is_set()


def test_an_interrupt_stops_what_runs_and_begins_nothing_more():
    stopped, begun, asked = Event(), Event(), []

    def record(question):
        asked.append(question)
        begun.set()
        assert stopped.wait(PATIENCE)

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Ahead(record, TABLES, 1, stopped.set):
        interrupt(begun.wait(PATIENCE))
    assert begun.is_set()
    assert len(asked) == 1
