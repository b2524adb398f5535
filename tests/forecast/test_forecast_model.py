"""The timeline against closed forms, brute force, and what can be worked out by hand."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from istar.forecast import PRESETS, ForecastError, Inputs, Range, forecast, moves
from istar.forecast.model import day_of, year_after

BY_HAND = {
    "needed_hours": Range(low=64, high=64),
    "doubling_days": Range(low=100, high=100),
    "start_date": date(2025, 1, 1),
}
"""64 hours are 6 doublings from 1: 600 days."""


def by_hand(**changes):
    return forecast(Inputs(**{**BY_HAND, **changes}), draws=1)


def days(found):
    return (date.fromisoformat(day_of(found.median)) - date(2025, 1, 1)).days


def test_known_inputs_give_the_day_that_can_be_worked_out():
    found = by_hand()
    assert days(found) == 600
    assert found.low == found.median == found.high
    assert found.sensitivities == ()
    assert day_of(found.median) == "2026-08-24"


@pytest.mark.parametrize(
    ("changes", "doublings"),
    [
        ({"serial_share": Range(low=0.25, high=0.25)}, 4),
        ({"start_hours": Range(low=4, high=4)}, 4),
        ({"success_rate": 0.8, "ratio_50_to_80": 8}, 9),
        ({"success_rate": 0.2, "ratio_50_to_80": 8}, 3),
        ({"success_rate": 16 / 17, "ratio_50_to_80": 8}, 12),  # the odds are those of 0.8, squared
        ({"start_hours": Range(low=100, high=100)}, 0),
    ],
)
def test_each_input_moves_the_day_by_the_doublings_it_is_worth(changes, doublings):
    found = by_hand(**changes)
    assert days(found) == 100 * doublings
    assert found.reached == (doublings == 0)


def test_the_defaults_give_what_the_document_says():
    found = forecast(Inputs(), draws=200_000)
    assert (round(found.low), round(found.high)) == (2027, 2030)
    assert 2027 <= found.low < found.median < found.high
    assert found.confidence == 0.66


def test_the_preset_of_2026_is_earlier_for_its_start_and_its_pace():
    found, document = (forecast(PRESETS[name].inputs, draws=100_000) for name in ("metr-2026", "document"))
    assert found.median < document.median
    moved = moves(document.inputs, found.inputs, draws=100_000)
    assert [each.name for each in moved] == ["start", "doubling_days"]
    assert all(each.years < 0 for each in moved)
    assert sum(each.years for each in moved) == pytest.approx(found.median - document.median, abs=1e-9)


def test_a_move_is_the_mean_over_the_orders_in_which_inputs_are_changed():
    before = Inputs(**BY_HAND)  # 6 doublings of 100 days
    after = Inputs(**{**BY_HAND, "needed_hours": Range(low=4, high=4), "doubling_days": Range(low=50, high=50)})
    found = {each.name: each.years * 365.25 for each in moves(before, after, draws=1)}
    # hours alone: 200 days, days alone: 300 days, both: 100 days
    assert found == pytest.approx({"needed_hours": (-400 - 200) / 2, "doubling_days": (-300 - 100) / 2}, abs=1)
    assert moves(before, before, draws=1) == ()


def test_variance_shares_are_those_of_the_closed_form():
    """With a start so low that nothing is there at once, the days are a lognormal times a normal."""
    inputs = Inputs(start_hours=Range(low=1e-6, high=1e-6))
    found = {each.name: each.variance for each in forecast(inputs, draws=10**6).sensitivities}
    end = norm.ppf(0.9)
    mean, deviation = math.log2(200 * 1e6), math.log2(5) / end  # doublings: 40 and 1000 are 200 divided and times 5
    scale = math.log(250 / 100) / 2 / end
    day, square = 158.11388300841898 * math.exp(scale**2 / 2), 158.11388300841898**2 * math.exp(2 * scale**2)
    variance = square * (mean**2 + deviation**2) - (day * mean) ** 2
    assert found["doubling_days"] == pytest.approx((square - day**2) * mean**2 / variance, abs=0.005)
    assert found["needed_hours"] == pytest.approx((day * deviation) ** 2 / variance, abs=0.005)


def test_variance_shares_are_those_of_brute_force_where_no_form_is_closed():
    """The variance over one input of the mean over all others, by two nested loops."""
    inputs = Inputs(
        needed_hours=Range(low=4, high=200, shape="loguniform"),
        doubling_days=Range(low=50, high=300, shape="uniform"),
        start_hours=Range(low=2, high=20, median=3),
    )
    generator = np.random.default_rng(1)

    def drawn(**fixed):
        values = {
            name: fixed.get(name, getattr(inputs, name).at(generator.random(4000)))
            for name in ("needed_hours", "doubling_days", "start_hours")
        }
        doublings = np.log2(values["needed_hours"] / values["start_hours"])
        return values["doubling_days"] * np.maximum(doublings, 0)

    whole = np.var(np.concatenate([drawn() for _ in range(50)]))
    found = forecast(inputs, draws=400_000)
    assert found.reached > 0.05
    assert len(found.sensitivities) == 3
    for each in found.sensitivities:
        grid = getattr(inputs, each.name).at((np.arange(400) + 0.5) / 400)
        means = [drawn(**{each.name: value}).mean() for value in grid]
        assert each.variance == pytest.approx(np.var(means) / whole, abs=0.03)
    shares = [each.variance for each in found.sensitivities]
    assert shares == sorted(shares, reverse=True)


def test_an_input_that_hardly_matters_explains_hardly_anything():
    inputs = Inputs(serial_share=Range(low=0.999, high=1, shape="uniform"))
    for draws in (100, 10_000):
        found = {each.name: each.variance for each in forecast(inputs, draws).sensitivities}
        assert found["serial_share"] < 0.2 if draws == 100 else found["serial_share"] < 0.01


def test_the_median_at_an_end_is_that_of_a_forecast_that_knows_it():
    found = forecast(Inputs(), draws=5000, seed=3)
    (hours,) = [each for each in found.sensitivities if each.name == "needed_hours"]
    for end, year in ((40, hours.year_at_low), (1000, hours.year_at_high)):
        assert forecast(Inputs(needed_hours=Range(low=end, high=end)), draws=5000, seed=3).median == year


def test_the_seed_decides_and_each_input_has_its_own_draws():
    assert forecast(Inputs(), 1000, seed=4) == forecast(Inputs(), 1000, seed=4)
    assert forecast(Inputs(), 1000, seed=4).median != forecast(Inputs(), 1000, seed=5).median
    # one more uncertain input leaves the draws of the others: hours twice as wide at one end alone differ there alone
    one = forecast(Inputs(), 1000, seed=4)
    other = forecast(Inputs(serial_share=Range(low=1, high=1, shape="uniform")), 1000, seed=4)
    assert one.median == other.median


@pytest.mark.parametrize("median", [None, 16])
def test_a_lognormal_range_holds_its_mass_between_its_ends(median):
    given = Range(low=8.5, high=55, median=median, mass=0.95)
    middle = math.sqrt(8.5 * 55) if median is None else median
    assert given.at(np.array([0.025, 0.5, 0.975])) == pytest.approx([8.5, middle, 55])
    drawn = given.at(np.random.default_rng(0).random(100_000))
    assert np.mean((drawn >= 8.5) & (drawn <= 55)) == pytest.approx(0.95, abs=0.005)


@pytest.mark.parametrize("draws", [0, -1, 10**7 + 1])
def test_no_draws_make_no_forecast(draws):
    with pytest.raises(ForecastError, match=f"{draws} draws make no forecast; give from 1 to 10,000,000"):
        forecast(Inputs(), draws)


@pytest.mark.parametrize("begin", [date(2024, 2, 29), date(2025, 1, 1), date(2025, 12, 31)])
def test_years_and_days_go_into_each_other(begin):
    for days in (0, 1, 306, 1461, 10_000):
        assert day_of(year_after(begin, days)) == (begin + timedelta(days)).isoformat()
    assert year_after(begin, 1e7) == pytest.approx(begin.year + 1e7 / 365.2425, abs=2)
    assert day_of(year_after(begin, 1e7)) is None
