"""Line charts: well-formed, everything in its place."""

from xml.etree import ElementTree

import pytest

from istar.reports.lines import HEIGHT, LEFT, TOP, WIDTH, Line, Panel, chart

SVG = "{http://www.w3.org/2000/svg}"


def drawn(**changed):
    line = Line("#e8710a", [0.0, 1.0, 2.0], [1.0, 3.0, 2.0], [0.5, 2.5, 1.5], [1.5, 3.5, 2.5])
    other = Line("#7b8794", [0.0, 2.0], [1.0, 1.0], dashed=True)
    panel = Panel("a < b & c", "x", "y", [line, other], {0.0: "1", 2.0: "4"}, **changed)
    return ElementTree.fromstring(chart('said "so"', {"#e8710a": "mine"}, [panel, panel]))


def test_lines_stand_where_their_numbers_say():
    lines = [each.get("points") for each in drawn().iter(f"{SVG}polyline")]
    assert len(lines) == 4
    first = [tuple(map(float, point.split(","))) for point in lines[0].split()]
    assert [x for x, _ in first] == [LEFT, LEFT + WIDTH / 2, LEFT + WIDTH]
    # from 0.5, the lowest of a band, to 3.5, the highest
    assert [y for _, y in first] == pytest.approx(
        [TOP + HEIGHT * (1 - share) for share in (1 / 6, 5 / 6, 1 / 2)], abs=0.1
    )
    second = [tuple(map(float, point.split(","))) for point in lines[2].split()]
    assert second[0][0] - first[0][0] == WIDTH + LEFT


def test_texts_are_shown_as_they_are():
    texts = [each.text for each in drawn(marks={1.0: "stop"}).iter(f"{SVG}text")]
    assert {'said "so"', "mine", "a < b & c", "x", "y", "1", "4", "stop"} <= set(texts)


def test_bands_and_dashes():
    picture = drawn(bands=[(0.0, 1.0)])
    assert len(list(picture.iter(f"{SVG}polygon"))) == 2
    shaded = [each for each in picture.iter(f"{SVG}rect") if each.get("fill-opacity")]
    assert [float(each.get("width")) for each in shaded] == pytest.approx([WIDTH / 2 + 4] * 2)
    assert sum(each.get("stroke-dasharray") == "5 4" for each in picture.iter(f"{SVG}polyline")) == 2


def test_a_level_line_is_drawn():
    panel = Panel("flat", "x", "y", [Line("#000", [1.0], [2.0])], {})
    ElementTree.fromstring(chart("flat", {}, [panel]))
