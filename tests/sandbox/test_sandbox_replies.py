"""The parent takes nothing in a reply on trust: each lie is refused by name."""

import numpy as np
import pytest

from istar.errors import printable
from istar.flops.rulebook import RULEBOOK
from istar.flops.timed import KindUse
from istar.methods.contract import Interpretation, MethodError
from istar.sandbox.wire.frames import Frame
from istar.sandbox.wire.replies import (
    ReplyError,
    check_totals,
    clocked_in,
    raise_failure,
    read_batches,
    read_interpretation,
)

ASKED = (np.array([4, 1]), np.array([0, 2, 3]))
SPENT_80 = {"by_op": {"mm": 75, "add": 5}, "matmul_flops": 75}
BATCHES = [{"by_op": {"mm": 30}, "matmul_flops": 30}, SPENT_80]


def recorded(arrays=None, **fields):
    """Return an honest reply to a recording of two batches with two channels, changed as asked."""
    honest = {"flops": [30, 80], "prepare_flops": 10, "total_flops": 90, "by_op": {"mm": 85, "add": 5}}
    honest["batches"] = BATCHES
    channels = {"channels.0": np.zeros((2, 2), np.float32), "channels.1": np.ones((3, 2), np.float32)}
    return Frame("recorded", honest | fields, channels | (arrays or {}))


def read(frame, max_flops=None):
    batches = read_batches(frame, ASKED, max_flops, 8, "m")
    return batches, check_totals(frame, batches, max_flops, "m")


def test_an_honest_reply_is_read_and_its_rows_are_those_asked_for():
    batches, total = read(recorded(), max_flops=50)
    assert total == 90
    assert [batch.flops for batch in batches] == [30, 80]
    assert [batch.rows.tolist() for batch in batches] == [[4, 1], [0, 2, 3]]
    assert (batches[1].channels == 1).all()
    assert [batch.by_op for batch in batches] == [{"mm": 30}, {"mm": 75, "add": 5}]
    assert [batch.matmul_flops for batch in batches] == [30, 75]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            recorded(flops=[80, 30], batches=[{"by_op": {"mm": each}, "matmul_flops": 0} for each in (80, 30)]),
            "fall from 80",
        ),
        (recorded(flops=[5, 80]), "fall from 10 to 5"),
        (recorded(flops=[-1, 80]), "not a count"),
        (recorded(flops=[30.0, 80]), "not a count"),
        (recorded(flops=[True, 80]), "not a count"),
        (recorded(flops=[30, 2**62]), "not a count"),
        (recorded(batches=None), "does not say by operation what each batch cost"),
        (recorded(batches=BATCHES[:1]), "does not say by operation what each batch cost"),
        (recorded(batches=[BATCHES[0], 80]), "does not say by operation what each batch cost"),
        (recorded(batches=[BATCHES[0], {}]), "by_op in the reply is not a histogram"),
        (recorded(batches=[BATCHES[0], BATCHES[0]]), "by operation of a batch in the reply do not add up"),
        (
            recorded(batches=[BATCHES[0], BATCHES[1] | {"matmul_flops": 81}]),
            "more FLOPs in matrix products than in all",
        ),
        (recorded(flops=[1, 2, 3]), "more batches than were asked for"),
        (recorded(flops="many"), "more batches than were asked for, or none"),
        (recorded(flops=[30], batches=BATCHES[:1]), "channels for each batch"),
        (recorded(prepare_flops=None), "prepare_flops in the reply is not a count"),
        (recorded(total_flops=70, by_op={"mm": 70}), "cost more than all"),
        (recorded(by_op={"mm": 1}), "do not add up"),
        (recorded(by_op={"mm": 95, "add": -5}), "not a count"),
        (recorded(by_op=[90]), "not a histogram"),
        (recorded(by_op={str(number): 0 for number in range(5000)}), "not a histogram"),
        (recorded({"channels.1": np.full((3, 2), np.nan, np.float32)}), "not finite"),
        (recorded({"channels.1": np.full((3, 2), np.inf, np.float32)}), "not finite"),
        (recorded({"channels.1": np.zeros((3, 1), np.float32)}), "changes between batches"),
        (recorded({"channels.1": np.zeros((4, 2), np.float32)}), r"shape \(4, 2\) for 3 rows"),
        (recorded({"channels.0": np.zeros((2, 9), np.float32)}), "up to 8 float32"),
        (recorded({"channels.0": np.zeros((2, 2), np.float64)}), "type float64"),
        (recorded({"channels.0": np.zeros(2, np.float32)}), r"shape \(2,\)"),
        (recorded({"channels.2": np.zeros((2, 2), np.float32)}), "channels for each batch"),
    ],
)
def test_each_lie_is_refused(frame, message):
    with pytest.raises(ReplyError, match=message):
        read(frame)


def test_a_reply_that_outlives_its_budget_is_refused():
    with pytest.raises(ReplyError, match="goes on after its budget of 29"):
        read(recorded(), max_flops=29)
    with pytest.raises(ReplyError, match="past the cut-off at 80"):
        read(recorded(), max_flops=40)


def interpreted(content=None, **reading):
    honest = {"rulebook": RULEBOOK.version, "flops": 5, "matmul_flops": 3, "by_op": {"mm": 3, "add": 2}}
    blob = np.frombuffer(Interpretation(data={"a": 1}).to_bytes() if content is None else content, np.uint8)
    return Frame("interpreted", {"reading": honest | {"by_region": {}, "unknown": {}} | reading}, {"content": blob})


def test_an_honest_interpretation_is_read():
    interpretation, content, reading = read_interpretation(interpreted(), "m")
    assert interpretation.data == {"a": 1}
    assert content == interpretation.to_bytes()
    assert (reading.flops, reading.matmul_flops) == (5, 3)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (interpreted(b"\x80\x04pickle"), "are not an interpretation"),
        (interpreted(matmul_flops=9), "more FLOPs in matrix products than in all"),
        (interpreted(by_op={"mm": 3}), "do not add up"),
        (interpreted(unknown=None), "unknown in the reply is not a histogram"),
        (interpreted(rulebook="v999"), "under rulebook"),
        (Frame("interpreted", {"reading": None}, {"content": np.zeros(3, np.uint8)}), "lacks the meter's reading"),
        (Frame("interpreted", {}, {}), "is no interpretation"),
        (Frame("interpreted", {}, {"content": np.zeros(3)}), "is no interpretation"),
        (Frame("recorded", {}, {}), "is no interpretation"),
        (Frame("failed", {"blame": "method", "text": "\x1b[2Joops"}), "^\ufffd\\[2Joops$"),
    ],
)
def test_other_interpretations_are_refused(frame, message):
    with pytest.raises(MethodError, match=message):
        read_interpretation(frame, "m")


def test_a_failure_is_the_methods_whatever_it_says():
    with pytest.raises(MethodError, match=r"the worker failed while it ran 'm':\n\(no text\)"):
        raise_failure(Frame("failed", {"blame": "the parent", "text": 7}), "m")


def test_texts_are_cut_and_cleaned():
    assert printable("a" * 50, 10) == "a" * 10 + "..."
    assert printable("two\nlines\r\x00") == "two\nlines\ufffd\ufffd"


TIMES = {"kinds": {"product": [85, 2, 4000], "free": [0, 9, 100]}, "main_seconds": 0.25}


def test_what_a_worker_says_of_its_time_is_read():
    clocked = clocked_in(recorded(**TIMES), 90, "m")
    assert clocked.kinds == {"product": KindUse(85, 2, 4000), "free": KindUse(0, 9, 100)}
    assert clocked.main_seconds == 0.25


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"kinds": None}, "does not say what each kind of operation took"),
        ({"kinds": {"magic": [1, 1, 1]}}, "does not say what each kind of operation took"),
        ({"kinds": {"product": [1, 1]}}, "does not say what product operations took"),
        ({"kinds": {"product": 5}}, "does not say what product operations took"),
        ({"kinds": {"product": [1, -1, 1]}}, "the use of product operations in the reply is not a count"),
        ({"kinds": {"product": [1, 1, 0.5]}}, "the use of product operations in the reply is not a count"),
        ({"kinds": {"product": [50, 1, 1], "moving": [41, 1, 1]}}, "more than were computed"),
        ({"main_seconds": "0"}, "main_seconds in the reply is no time"),
        ({"main_seconds": True}, "main_seconds in the reply is no time"),
        ({"main_seconds": -1.0}, "main_seconds in the reply is no time"),
        ({"main_seconds": float("inf")}, "main_seconds in the reply is no time"),
        ({"main_seconds": float("nan")}, "main_seconds in the reply is no time"),
    ],
)
def test_lies_about_time_are_named(said, message):
    with pytest.raises(ReplyError, match=message):
        clocked_in(recorded(**TIMES | said), 90, "m")
