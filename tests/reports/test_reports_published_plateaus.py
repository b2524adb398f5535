"""What the page on plateaus says of the published searches is what their committed ledgers say."""

import importlib.util
import json
import tarfile
from pathlib import Path

import pytest

from istar.protocol.run_folder import RunFolder

STUDY = Path(__file__).parents[2] / "results" / "smollm2-135m"
STATED = {each["run"]: each for each in json.loads((STUDY / "plateaus.json").read_text(encoding="utf-8"))["runs"]}


@pytest.fixture(scope="module")
def asked():
    spec = importlib.util.spec_from_file_location("plateaus", STUDY / "plateaus.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.asked


@pytest.mark.parametrize("run", ["main", "policy-1"])
def test_what_is_stated_of_a_search_is_what_its_ledger_says(run, asked, tmp_path):
    with tarfile.open(STUDY / "ledgers" / f"{run}.tar.xz") as archive:
        archive.extractall(tmp_path / run, filter="data")
    found = asked(RunFolder(tmp_path / run))
    assert found == {**STATED[run], "best": pytest.approx(STATED[run]["best"], rel=1e-12)}


def test_every_search_but_the_control_is_stated():
    kept = {path.name.removesuffix(".tar.xz") for path in (STUDY / "ledgers").glob("*.tar.xz")}
    assert set(STATED) == kept - {"shuffled"}


def test_the_longest_search_alone_is_long_enough_and_lacks_fresh_scores():
    assert [name for name, each in STATED.items() if each["rounds"] >= each["needed"]] == ["main"]
    assert not any(each["reached"] or each["scored_on_fresh_questions"] for each in STATED.values())
    main = STATED["main"]
    assert (main["rounds"], main["rises"][-1], main["rises"][-1] + main["needed"]) == (72, 33, 62)
    assert (round(main["best"], 3), round(max(each["best"] for each in STATED.values()), 3)) == (0.079, 0.128)
