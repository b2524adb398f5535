"""The README and the pages show the figures that the committed results make, and lead to where they say."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "results/**/*.md", "findings/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)


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
    with pytest.raises(SystemExit, match="differ in another_one"):
        benchmarks.page()


def test_the_readme_is_short_and_its_method_is_the_example():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    (shown,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    example = ast.parse((ROOT / "examples" / "my_method.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(example)
    example.body = example.body[1:]
    assert ast.dump(ast.parse(shown)) == ast.dump(example)


def anchors(page):
    """What a link may lead to on a page, by the rule of GitHub: letters, digits, hyphens and underscores stay."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} leads to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{page.name} leads to {link}, and {target.name} has no such heading"
