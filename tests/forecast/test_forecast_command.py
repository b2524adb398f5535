"""The command and its picture."""

import json
import xml.etree.ElementTree as ElementTree

import pytest

from istar.cli.app import ERROR, SUCCESS, run
from istar.forecast import PRESETS, Inputs, Range, draw, forecast

SVG = "{http://www.w3.org/2000/svg}"


def shown(capsys, *arguments):
    assert run(["forecast", *arguments, "--json"]) == SUCCESS
    return json.loads(capsys.readouterr().out)


def test_json_holds_the_forecast_and_what_moved_it(capsys):
    found = shown(capsys, "--preset", "metr-2026", "--draws", "2000", "--seed", "7")
    alone = forecast(PRESETS["metr-2026"].inputs, 2000, 7)
    assert (found["median"], found["low"], found["high"]) == (alone.median, alone.low, alone.high)
    assert found["draws"] == 2000
    assert found["name"] == "metr-2026"
    assert sum(found["moves"].values()) == pytest.approx(found["median"] - found["document"]["median"])
    assert {each["name"] for each in found["sensitivities"]} == {"needed_hours", "doubling_days", "start_hours"}
    assert any("Saturation" in each for each in found["sources"])
    assert found["dates"]["median"].startswith(str(int(found["median"])))


def test_the_documents_own_inputs_are_compared_with_nothing(capsys):
    found = shown(capsys, "--draws", "1000")
    assert (found["name"], found["document"], found["moves"]) == ("document", None, {})


def test_flags_change_the_file_and_the_file_the_preset(capsys, tmp_path):
    (tmp_path / "mine.toml").write_text('preset = "metr-2026"\nneeded_hours = [160, 2000]\nsuccess_rate = 0.8\n')
    found = shown(capsys, str(tmp_path / "mine.toml"), "--success-rate", "0.6", "--draws", "100")
    assert found["inputs"]["success_rate"] == 0.6
    assert found["inputs"]["needed_hours"]["high"] == 2000
    assert found["inputs"]["start_hours"]["high"] == 55
    assert found["name"] == "metr-2026 with mine.toml"
    assert found["sources"] == []


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (
            ["--needed-hours", "1000..40"],
            "the options: needed_hours: the lower end, 1000, lies above the upper one, 40",
        ),
        (["--draws", "0"], "0 draws make no forecast"),
        (["--preset", "mine"], "there is no preset 'mine'"),
        (["{file}"], "mine.toml: nonsense: no such input"),
        (["{both}", "--preset", "document"], "both.toml changes the preset 'metr-2026'; leave out --preset"),
        (["--picture", "{folder}"], "it is a folder; give the path of a file"),
    ],
)
def test_bad_input_is_an_error_with_what_to_do(arguments, fault, capsys, tmp_path):
    (tmp_path / "mine.toml").write_text("nonsense = 1\n")
    (tmp_path / "both.toml").write_text('preset = "metr-2026"\n')
    places = {"file": tmp_path / "mine.toml", "both": tmp_path / "both.toml", "folder": tmp_path}
    assert run(["forecast", *(each.format(**places) for each in arguments)]) == ERROR
    assert fault in " ".join(capsys.readouterr().err.split())


def test_the_tables_name_inputs_moves_and_sources(capsys, tmp_path):
    arguments = ["--preset", "metr-2026", "--draws", "1000", "--picture", str(tmp_path / "deep" / "forecast.svg")]
    assert run(["forecast", *arguments]) == SUCCESS
    said = capsys.readouterr().out
    for words in ("66% from", "needed_hours", "years from the document's: start", "Saturation", "the picture is in"):
        assert words in said
    root = ElementTree.parse(tmp_path / "deep" / "forecast.svg").getroot()
    assert "outline: document" in "".join(root.itertext())


def inside(root):
    width, height = float(root.get("width")), float(root.get("height"))
    for line in [*root.findall(f"{SVG}polyline"), *root.findall(f"{SVG}polygon")]:
        points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
        assert points
        assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
    for bar in root.findall(f"{SVG}rect"):
        assert 0 <= float(bar.get("x", 0)) <= float(bar.get("x", 0)) + float(bar.get("width")) <= width


@pytest.mark.parametrize("name", PRESETS)
def test_the_picture_shows_the_distribution_and_a_bar_for_each_uncertain_input(name):
    found = forecast(PRESETS[name].inputs, 5000)
    root = ElementTree.fromstring(draw(found, "mine & yours", forecast(Inputs(), 5000), "document"))
    inside(root)
    words = "".join(root.itertext())
    assert f"mine & yours: {found.median:.1f} (median)" in words
    for each in found.sensitivities:
        assert f"{each.name} {each.variance:.0%}" in words
    assert len(root.findall(f"{SVG}polyline")) == 2
    assert len(root.findall(f"{SVG}rect")) == 1 + len(found.sensitivities)


@pytest.mark.parametrize("hours", [0.5, 100])
def test_a_forecast_of_what_is_known_can_be_drawn(hours):
    known = Inputs(needed_hours=Range(low=hours, high=hours), doubling_days=Range(low=100, high=100))
    inside(ElementTree.fromstring(draw(forecast(known, 10), "known")))
