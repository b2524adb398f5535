import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from synthetic_ledger import RUN, fill

from istar.ledger import Ledger
from istar.reports.findings import gather

SCRIPT = Path(__file__).parents[2] / "docs" / "draw_curves.py"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("draw_curves", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_picture_has_a_panel_with_both_arms_for_every_task(script, tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger)
    script.main(str(tmp_path / "ledger.sqlite"), RUN, str(tmp_path / "images" / "curves.svg"))
    root = ElementTree.parse(tmp_path / "images" / "curves.svg").getroot()
    with Ledger(tmp_path / "ledger.sqlite", read_only=True) as ledger:
        curves = gather(ledger, RUN).champion.curves
    assert [panel.stage for panel in curves] == ["test"] * 2 + ["validation"] * 2 + ["train"] * 4
    assert len(root.findall(f"{SVG}polyline")) == 2 * len(curves)
    words = "".join(root.itertext())
    for expected in ("loss_quantile/verses", "prompt_ceiling/sentiment", "sealed test", "95% interval"):
        assert expected in words
    width, height = float(root.get("width")), float(root.get("height"))
    for line in root.findall(f"{SVG}polyline"):
        points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
        assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
        assert [x for x, _ in points] == sorted(x for x, _ in points)


def test_a_run_without_a_method_has_no_picture(script, tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger, rounds=2, strengths=[-1.0, -1.0])
    with pytest.raises(SystemExit, match="no method with curves"):
        script.main(str(tmp_path / "ledger.sqlite"), RUN, str(tmp_path / "curves.svg"))
