"""How long a parent waits, on a clock that is set by hand."""

import pytest

from istar.sandbox.wire import deadline
from istar.sandbox.wire.deadline import MOST_TIMES, Deadline


@pytest.fixture
def clock(monkeypatch):
    """The time of `time.monotonic`, in a list of one."""
    now = [100.0]
    monkeypatch.setattr(deadline.time, "monotonic", lambda: now[0])
    return now


def test_it_comes_after_its_seconds(clock):
    one = Deadline(2.0)
    clock[0] += 1.5
    assert one.left() == 0.5
    clock[0] += 1.0
    assert (one.left(), one.put_off) == (0.0, 0.0)


def test_it_is_put_off_by_what_was_waited_for_a_processor(clock):
    queued = [0.0]
    one = Deadline(2.0, lambda: queued[0])
    clock[0] += 2.5
    queued[0] = 1.5
    assert (one.left(), one.put_off) == (1.0, 1.5)
    clock[0] += 2.0
    queued[0] = 1.75  # of the two seconds since, a quarter
    assert (one.left(), one.put_off) == (0.0, 1.75)


def test_it_comes_all_the_same(clock):
    one = Deadline(2.0, lambda: 1e9)
    clock[0] += 2.0 * MOST_TIMES - 0.5
    assert one.left() == 0.5
    clock[0] += 1.0
    assert one.left() == 0.0


def test_what_is_waited_for_is_asked_again_after_it_was_put_off(clock):
    asked = []

    def ready(left):
        asked.append(left)
        clock[0] += left
        return len(asked) == 2

    assert Deadline(2.0, lambda: 3.0).meets(ready)
    assert asked == [2.0, 3.0]
    assert not Deadline(2.0).meets(lambda left: clock.__setitem__(0, clock[0] + left))
