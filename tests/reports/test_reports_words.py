import pytest

from istar.reports import words
from istar.rewards import MultiplierEstimate


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
