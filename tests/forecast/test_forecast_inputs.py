import re
from datetime import date, timedelta

import pytest

from istar.files import StorageError
from istar.forecast import PRESETS, ForecastError, Inputs, Range, forecast_inputs, read_inputs


def test_a_range_is_stated_as_a_number_a_pair_a_text_or_with_all_of_its_fields():
    stated = {
        "needed_hours": [160, 2000],
        "doubling_days": "90..200",
        "start_hours": 2,
        "serial_share": "0.1..0.5",
    }
    found = forecast_inputs(stated, "mine")
    assert found.needed_hours == Range(low=160, high=2000)
    assert found.doubling_days == Range(low=90, high=200)
    assert found.start_hours == Range(low=2, high=2)
    assert found.serial_share == Range(low=0.1, high=0.5, shape="uniform")
    whole = {"low": 8, "high": 60, "median": 16, "mass": 0.9, "shape": "lognormal"}
    assert forecast_inputs({"needed_hours": whole}, "mine").needed_hours == Range(**whole)
    assert str(found.doubling_days), str(found.start_hours) == ("90..200", "2")


def test_what_is_stated_changes_the_preset():
    found = forecast_inputs({"success_rate": 0.8}, "mine", "metr-2026")
    assert found == PRESETS["metr-2026"].inputs.model_copy(update={"success_rate": 0.8})
    assert forecast_inputs({}, "mine") == Inputs()


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ({"needed_hours": [1000, 40]}, "needed_hours: the lower end, 1000, lies above the upper one, 40; swap them"),
        ({"needed_hours": [-40, 1000]}, "needed_hours.low: Input should be greater than 0"),
        ({"needed_hours": "40-1000"}, "needed_hours: '40-1000' is no range; give a number such as 160, or LOW..HIGH"),
        ({"needed_hours": [1, 2, 3]}, "needed_hours: a range has two ends, not 3"),
        ({"needed_hours": [1, float("inf")]}, "needed_hours.high: Input should be a finite number"),
        ({"needed_hours": True}, "needed_hours: Input should be a valid dictionary or instance of Range"),
        ({"doubling_days": 0}, "doubling_days.low: Input should be greater than 0"),
        (
            {"doubling_days": {"low": 1, "high": 2, "meddian": 1.5}},
            "doubling_days.meddian: no such input; did you mean median? There are low, high, median, mass, shape",
        ),
        (
            {"doubling_days": {"low": 1, "high": 2, "mass": 0.5, "shape": "uniform"}},
            "doubling_days: a uniform range has hard ends; state `median` and `mass` of a lognormal one alone",
        ),
        (
            {"start_hours": {"low": 1, "high": 2, "median": 3}},
            "start_hours: the median, 3, must lie between 1 and 2",
        ),
        ({"serial_share": 2}, "serial_share 2 is a share of the hours needed; give at most 1"),
        (
            {"serial_share": {"low": 0.1, "high": 0.5}},
            "serial_share cannot be lognormal, which has no greatest value; make it uniform",
        ),
        ({"success_rate": 1}, "success_rate: Input should be less than 1"),
        ({"sucess_rate": 0.8}, "sucess_rate: no such input; did you mean success_rate? There are needed_hours, "),
        ({"start_date": "soon"}, "start_date: Input should be a valid date"),
        (
            {"start_date": date.today() + timedelta(2)},
            f"start_date {date.today() + timedelta(2)} lies in the future; state when a model of the start's horizon",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(stated, fault):
    with pytest.raises(ForecastError, match="mine: " + re.escape(fault)):
        forecast_inputs(stated, "mine")


def test_all_faults_are_named_at_once():
    with pytest.raises(ForecastError, match=r"needed_hours: .*; success_rate: .*"):
        forecast_inputs({"needed_hours": [2, 1], "success_rate": 2}, "mine")


def test_an_unknown_preset_is_refused():
    with pytest.raises(ForecastError, match="mine: there is no preset 'metr'; there are: document, metr-2026"):
        forecast_inputs({}, "mine", "metr")


def test_a_file_states_inputs_as_toml(tmp_path):
    (tmp_path / "mine.toml").write_text('preset = "metr-2026"\nneeded_hours = [160, 2000]\nstart_date = 2026-02-05\n')
    assert read_inputs(tmp_path / "mine.toml") == {
        "preset": "metr-2026",
        "needed_hours": [160, 2000],
        "start_date": date(2026, 2, 5),
    }
    (tmp_path / "torn.toml").write_text("needed_hours = [40,")
    with pytest.raises(ForecastError, match=r"torn.toml is not TOML: .*; a line is NAME = VALUE, such as needed_hours"):
        read_inputs(tmp_path / "torn.toml")
    with pytest.raises(StorageError, match="cannot read"):
        read_inputs(tmp_path / "none.toml")


def test_every_preset_names_its_sources():
    for preset in PRESETS.values():
        assert preset.sources
    assert any("Saturation" in each for each in PRESETS["metr-2026"].sources)
