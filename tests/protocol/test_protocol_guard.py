import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istar.protocol.guard import GuardError, Ladder


def test_first_query_is_published_rounded_to_its_standard_error():
    verdict = Ladder().query({"a": 0.512, "b": 0.712})
    assert verdict.revealed
    assert verdict.standard_error == pytest.approx(0.1)
    assert verdict.published == 0.6


def test_gain_within_the_standard_error_is_not_published():
    guard = Ladder()
    guard.query({"a": 0.5, "b": 0.7})
    verdict = guard.query({"a": 0.7, "b": 0.6})  # mean better by 0.05, standard error of the difference 0.15
    assert not verdict.revealed
    assert verdict.published == 0.6
    assert guard.queries == 2


def test_equal_gain_everywhere_is_published():
    guard = Ladder()
    guard.query({"a": 0.5, "b": 0.7})
    verdict = guard.query({"a": 0.6, "b": 0.8})  # paired: the difference has no error although the rewards have
    assert verdict.revealed
    assert verdict.published == pytest.approx(0.7)


def test_worse_method_does_not_replace_the_best():
    guard = Ladder()
    guard.query({"a": 0.5, "b": 0.7})
    assert not guard.query({"a": 0.1, "b": 0.1}).revealed
    assert not guard.query({"a": 0.5, "b": 0.7}).revealed
    assert guard.query({"a": 0.9, "b": 0.9}).revealed


def test_the_same_reward_on_every_question_is_a_tie_and_no_news():
    """Its mean, 0.512, is above what was published of the same rewards, which was rounded down."""
    guard = Ladder()
    first = guard.query({"a": 0.412, "b": 0.612})
    again = guard.query({"b": 0.612, "a": 0.412})
    assert first.revealed
    assert not first.tied
    assert (again.tied, again.revealed, again.published) == (True, False, first.published)
    assert not guard.query({"a": 0.612, "b": 0.412}).tied, "the same mean, but not the same rewards"


@given(st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), min_size=1, max_size=12))
def test_published_never_falls(rewards):
    guard = Ladder()
    published = [guard.query(dict(zip("abc", each, strict=True))).published for each in rewards]
    assert all(later >= earlier - 1e-12 for earlier, later in itertools.pairwise(published))


def test_boosting_attack_gains_little():
    """The attack of Blum & Hardt (section 4.1): submit coin flips, keep what scored well, submit their majority."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400)
    submissions = generator.integers(0, 2, (300, 400))

    def attack(looks_good):
        kept = np.array([each for each in submissions if looks_good(each)])
        return ((kept.mean(0) > 0.5) == labels).mean()

    guard = Ladder()
    rewards = lambda guess: {str(number): float(hit) for number, hit in enumerate(guess == labels)}  # noqa: E731
    unguarded = attack(lambda guess: (guess == labels).mean() > 0.5)
    guarded = attack(lambda guess: guard.query(rewards(guess)).revealed)
    assert guard.queries == 300
    assert unguarded > 0.6
    assert guarded < 0.57


@pytest.mark.parametrize(
    ("rewards", "message"),
    [({"a": 1.0}, "at least 2"), ({"a": float("nan"), "b": 0.0}, "finite"), ({"a": 0.0, "c": 0.0}, "same questions")],
)
def test_refuses_what_cannot_be_compared(rewards, message):
    guard = Ladder()
    guard.query({"a": 0.5, "b": 0.7})
    with pytest.raises(GuardError, match=message):
        guard.query(rewards)
