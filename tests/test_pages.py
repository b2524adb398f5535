"""What the pages name is there: links, files, modules, decisions; and the README is short."""

import ast
import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "results/**/*.md", "findings/*.md") for path in ROOT.glob(pattern)
)
CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]
"""The pages that say what is true of this version."""
DECISIONS = ROOT / "docs" / "decisions.md"
EVERY_PAGE = pytest.mark.parametrize("page", CURRENT, ids=lambda page: str(page.relative_to(ROOT)))


def test_the_readme_is_short_and_its_method_is_the_example():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    (shown,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    example = ast.parse((ROOT / "examples" / "my_method.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(example)
    example.body = example.body[1:]
    assert ast.dump(ast.parse(shown)) == ast.dump(example)


def prose(page):
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page):
    """What a link may lead to on a page, by the rule of GitHub: letters, digits, hyphens and underscores stay."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} leads to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{page.name} leads to {link}, and {target.name} has no such heading"


@EVERY_PAGE
def test_files_that_are_named_are_there(page):
    for name in re.findall(r"`((?:[\w.*-]+/)+[\w*-]+\.(?:py|sh|json|md|html|svg))`", prose(page)):
        if name.startswith("runs/"):
            continue
        folders = (ROOT, ROOT / "src" / "istar", ROOT / "src", page.parent)
        assert any(list(folder.glob(name)) for folder in folders), f"{page.name} names {name}, which is not there"


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "docs", "results"])
def test_files_that_scripts_name_are_there(folder):
    """What a script runs or says how to run; those of `make trust` run in no other test."""
    named = re.compile(r"(?<![\w/.-])(?:tests|src|benchmarks|docs|examples)/[\w/-]+\.(?:py|md|sh)")
    scripts = [path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in (".py", ".sh")]
    missing = {
        (path.name, each)
        for path in scripts
        for each in named.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / each).is_file()
    }
    assert scripts
    assert not missing


@EVERY_PAGE
def test_modules_that_are_named_are_there(page):
    for name in re.findall(r"(?:`|-m )(istar(?:\.\w+)+)", prose(page)):
        if name.split(".")[1] in ENTRY_POINTS or name in DOORS:
            continue
        assert found(name), f"{page.name} names {name}, which is not there"


DOORS = {f"istar.environments.{path.stem}" for path in (ROOT / "docs" / "environments").glob("*.md")}
"""Modules that need a library which is not installed here."""
ENTRY_POINTS = {
    re.match(r"istar\.(\w+)", each)[1]
    for each in re.findall(
        r"istar\.\w+", (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8").partition("## Packages")[2]
    )
}
"""Groups of entry points, which read like modules."""


def found(name):
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            place = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            place = getattr(place, part, None)
        return place is not None
    return False


def test_every_package_stands_in_contributing_as_it_is_layered():
    table = (
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("| package | holds |")[2].partition("\n\n")[0]
    )
    named = [name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    packages = {path.parent.name for path in (ROOT / "src" / "istar").glob("*/__init__.py")}
    assert set(named) == packages
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = [name for layer in settings["contracts"][0]["layers"] for name in re.findall(r"istar\.(\w+)", layer)]
    assert [name for name in named if name in layers] == [name for name in layers if name in packages]


class TestDecisions:
    TEXT = DECISIONS.read_text(encoding="utf-8")
    HEADINGS = re.findall(r"^### ((\d+)\. .*)$", TEXT, re.MULTILINE)

    def test_each_has_its_number_and_a_status(self):
        numbers = [int(number) for _, number in self.HEADINGS]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        statuses = re.findall(r"^### (\d+)\. .*\n\nStatus: (.*)\.\n", self.TEXT, re.MULTILINE)
        assert [int(number) for number, _ in statuses] == numbers
        for number, status in statuses:
            assert status.startswith(("in force", "replaced by ", "in part replaced by ")), f"{number}: {status}"
            for other in re.findall(r"\b\d+\b", status):
                assert int(other) in numbers
                assert other != number

    def test_the_list_at_the_top_has_all_of_them_in_order(self):
        listed = re.findall(r"^- \[(\d+\. .*?)\]\(#.*?\)(.*)$", self.TEXT, re.MULTILINE)
        assert [title for title, _ in listed] == [title for title, _ in self.HEADINGS]
        for title, mark in listed:
            status = self.TEXT.partition(f"### {title}\n\nStatus: ")[2]
            replaced = re.match(r"(?:in part )?replaced by ", status)
            assert bool(replaced) == bool(mark), title
            if replaced:
                assert set(re.findall(r"\d+", mark)) == set(re.findall(r"\b\d+\b", status.partition(".\n")[0])), title

    def test_those_that_are_named_elsewhere_are_there(self):
        numbers = {number for _, number in self.HEADINGS}
        files = [*CURRENT, *ROOT.glob("src/istar/**/*.py"), *ROOT.glob("tests/**/*.py")]
        for path in files:
            text = path.read_text(encoding="utf-8")
            for named in re.findall(r"decisions(?:\.md)?`?(?:\]\([^)]*\))?, ((?:\w{1,4}(?:, | and )?)+)", text):
                for number in re.findall(r"\b[A-Z]?\d+[a-z]?\b", named):
                    assert number in numbers, f"{path.name} names decision {number}"
