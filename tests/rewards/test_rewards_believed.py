"""What was believed of a method is read off the measures of its curves."""

from dataclasses import replace

import pytest
from reward_curves import make_curve

from istar.executors.measures import Reason
from istar.rewards.believed import believed


def curve(**measures):
    return replace(make_curve(0.5), measures={f"channels.{name}": value for name, value in measures.items()})


def test_numbers_are_means_over_all_and_by_reason():
    used = curve(reason=int(Reason.USED), known=3, price=(0.01, 0.02, 0.04))
    dear = curve(reason=int(Reason.TOO_DEAR), known=1, price=(0.03, 0.08))
    found = believed([dear, used, used])
    assert found.answers == 3
    assert list(found.reasons.items()) == [(Reason.USED, 2), (Reason.TOO_DEAR, 1)]
    assert found.by_reason[Reason.USED] == {"known": (3,), "price": (0.01, 0.02, 0.04)}
    assert found.numbers["known"] == (pytest.approx(7 / 3),)
    assert found.numbers["price"] == (pytest.approx(0.05 / 3), pytest.approx(0.16 / 3))
    assert found.ranges == {"known": (1, 3), "price": (0.04, 0.08)}
    assert found.to_json()["reasons"] == {"used": 2, "too_dear": 1}


@pytest.mark.parametrize("reason", [None, 99, 2.5, (1.0,)])
def test_who_states_no_reason_says_nothing(reason):
    assert believed([curve() if reason is None else curve(reason=reason)]) is None


def test_an_answer_that_states_none_counts_as_one():
    found = believed([curve(), curve(reason=0)])
    assert (found.answers, found.reasons, found.numbers) == (2, {Reason.NO_CHANNEL: 1}, {})
