import pytest

from istar.executors.measures import Reason
from istar.reports import words
from istar.rewards import MultiplierEstimate
from istar.rewards.believed import Believed


def _found(estimate, low, high, bound="exact"):
    return MultiplierEstimate(estimate, low, high, bound != "exact", bound, 0, 8)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 FLOP"), (999, "999 FLOP"), (1500, "1.5 kFLOP"), (999_999, "1 MFLOP"), (3.214e14, "321 TFLOP")],
)
def test_flops_have_three_digits_and_a_prefix(value, text):
    assert words.flops(value) == text


@pytest.mark.parametrize(("factor", "text"), [(0.456, "0.46×"), (0.997, "1.0×"), (3.0, "3.0×"), (12.4, "12×")])
def test_factors_are_as_exact_as_they_deserve(factor, text):
    assert words.times(factor) == text


@pytest.mark.parametrize(
    ("bound", "text"), [("exact", "3.0×"), ("at_least", "≥ 3.0×"), ("at_most", "≤ 3.0×"), ("unknown", "≈ 3.0×")]
)
def test_a_bound_shows_its_direction(bound, text):
    assert words.multiplier(_found(3.0, 2.0, 4.0, bound)) == text


def test_the_verdict_says_what_was_shown_and_no_more():
    saves = words.verdict(_found(3.0, 2.0, 4.0), 0.8, "unseen tasks")
    assert saves == (
        "On unseen tasks, I* reaches a skill of 0.8 with 3 times fewer FLOPs than the black-box arm "
        "(95% interval 2 to 4)."
    )
    assert "at least 3 times" in words.verdict(_found(3.0, 2.0, 4.0, "at_least"), 0.8, "unseen tasks")
    unclear = words.verdict(_found(1.5, 0.9, 2.5), 0.8, "unseen tasks")
    assert "no saving is shown" in unclear
    assert "includes 1" in unclear
    assert "2 times more FLOPs" in words.verdict(_found(0.5, 0.3, 0.8), 0.8, "unseen tasks")


NUMBERS = {
    "known": (3.0,),
    "both": (20.0,),
    "rho.answer": (0.4, 0.03),
    "price": (0.001, 0.12),
    "break_even": (0.02, 0.03),
}


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (Reason.NO_CHANNEL, "it has no channel"),
        (Reason.SILENT, "not bought: it said nothing of this task's other questions"),
        (
            Reason.WORTHLESS,
            "not bought: on this task's other questions it was worth nothing (correlation with the answer 0.40)",
        ),
        (
            Reason.NEEDLESS,
            "not bought: even for nothing it would add too little to rows (correlation with the answer 0.40)",
        ),
        (
            Reason.TOO_DEAR,
            "not bought: it is too dear: all of it costs 12% of brute force, and it would be worth 3% here",
        ),
        (
            Reason.UNPAID,
            "not bought: rows told enough while it was saved up for: all of it costs 12% of brute force",
        ),
        (
            Reason.GIVEN_UP,
            "bought, then given up after 20 rows known both ways (correlation with the answer 0.40 at first, 0.03 in "
            "the end)",
        ),
        (Reason.USED, "bought and used (correlation with the answer 0.40 at first, 0.03 in the end)"),
    ],
)
def test_every_reason_is_a_sentence(reason, sentence):
    assert words.why(Believed(4, {reason: 4}, {reason: NUMBERS}, NUMBERS, {})) == [sentence]
    bare = words.why(Believed(4, {reason: 4}, {reason: {}}, {}, {}))
    assert sentence.startswith(bare[0])


def test_questions_that_differ_are_counted_and_strangers_are_named():
    stranger = NUMBERS | {"known": (0.0,)}
    found = Believed(8, {Reason.USED: 6, Reason.NO_CHANNEL: 2}, {Reason.USED: stranger, Reason.NO_CHANNEL: {}}, {}, {})
    used, silent = words.why(found)
    assert used.startswith("in 6 of 8 answers never heard before: bought and used")
    assert silent == "in 2 of 8 answers it has no channel"


@pytest.mark.parametrize(("value", "text"), [(0.12, "12%"), (0.00123, "0.12%"), (1e-5, "0.001%"), (0.0, "0%")])
def test_shares_have_two_digits(value, text):
    assert words.share(value) == text
