"""Estimates of how long work still takes."""

import pytest

from istar.protocol.pace import Pace, minutes


def test_the_rate_known_beforehand_serves_until_a_tenth_is_done_and_then_what_was_seen():
    now = [100.0]
    pace = Pace(work=1000.0, rate=10.0, clock=lambda: now[0])
    assert pace.seconds_left() == 100.0
    now[0] += 5
    pace.did(100)
    assert pace.seconds_left() == 90.0
    now[0] += 5
    pace.did(100)  # 200 in 10 seconds
    assert pace.seconds_left() == 40.0
    pace.did(900)
    assert pace.seconds_left() == 0.0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(10, "less than a minute"), (50, "about a minute"), (89, "about a minute"), (230, "about 4 minutes")],
)
def test_durations_for_people(seconds, said):
    assert minutes(seconds) == said
