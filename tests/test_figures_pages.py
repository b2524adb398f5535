"""The README and the pages show the figures that the committed results make."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def writer(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLES = writer("write_tables")
PLACES = {name: (results, document) for name, results, document in TABLES.places()}


@pytest.mark.parametrize("name", PLACES)
def test_a_table_is_what_its_results_make(name):
    results, document = PLACES[name]
    assert document.read_text(encoding="utf-8") == TABLES.page(name, results, document), (
        f"run `python docs/write_tables.py` for {document.name}"
    )


def test_the_page_on_benchmarks_is_what_their_results_make():
    benchmarks = writer("write_benchmarks")
    assert benchmarks.PAGE.read_text(encoding="utf-8") == benchmarks.page(), "run `python docs/write_benchmarks.py`"


def test_a_benchmark_without_a_section_is_an_error(tmp_path, monkeypatch):
    benchmarks = writer("write_benchmarks")
    for path in benchmarks.RESULTS.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(benchmarks, "RESULTS", tmp_path)
    assert benchmarks.page()
    (tmp_path / "another_one.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"no section .* shows another_one"):
        benchmarks.page()
