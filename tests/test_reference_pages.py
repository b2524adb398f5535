"""The pages on readouts, interventions, functionals, structure and architectures say what the code says."""

import dataclasses
import importlib.util
import json
import re
from pathlib import Path
from typing import get_args

import pytest

import istar.questions
from istar.questions import (
    FUNCTIONALS,
    INTERVENTIONS,
    READOUTS,
    Role,
    Run,
    functional_from_json,
    intervention_from_json,
    readout_from_json,
)
from istar.targets import ARCHITECTURES

DOCS = Path(__file__).parents[1] / "docs"
READERS = {"readouts": readout_from_json, "interventions": intervention_from_json, "functionals": functional_from_json}
REGISTRIES = {"readouts": READOUTS, "interventions": INTERVENTIONS, "functionals": FUNCTIONALS}


@pytest.fixture(scope="module")
def writer():
    spec = importlib.util.spec_from_file_location("write_reference", DOCS / "write_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_what_the_code_makes_of_them(writer):
    for path, text in writer.pages():
        assert path.read_text(encoding="utf-8") == text, f"run `python docs/write_reference.py` for {path.name}"


def own(registry):
    """The names of istar's own entries."""
    return {name for name in registry if registry.get(name).__module__.startswith("istar.")}


@pytest.mark.parametrize("page", READERS)
def test_every_entry_has_an_example_that_runs(page, writer):
    examples, registry = writer.EXAMPLES[page], REGISTRIES[page]
    assert set(examples) == own(registry)
    text = (DOCS / f"{page}.md").read_text()
    for name, code in examples.items():
        assert f"### `{name}`\n\n```python\n{code}\n```" in text
        made = eval(code, vars(istar.questions).copy())
        assert made.kind == name
        assert type(made) is registry.get(name)
        assert READERS[page](json.loads(json.dumps(made.to_json()))) == made
        if page == "readouts":
            assert Run(tuple(range(12)), made).paths


def test_every_field_is_explained_with_its_default(writer):
    for registry in REGISTRIES.values():
        for name in own(registry):
            entry = writer._entry(name, registry.get(name), "")
            for field in dataclasses.fields(registry.get(name)):
                assert re.search(rf"^\| `{field.name}` \|.*\| \S.* \|$", entry, re.MULTILINE), (name, field.name)


def test_every_architecture_and_role_stands_on_its_page():
    architectures, structure = ((DOCS / f"{page}.md").read_text() for page in ("architectures", "structure"))
    assert all(f"| `{name}` |" in architectures for name in ARCHITECTURES)
    assert all(f"| `{role}` |" in structure for role in get_args(Role))


@pytest.mark.parametrize("page", ["readouts", "structure"])
def test_the_code_on_the_page_runs(page):
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / f"{page}.md").read_text(), re.DOTALL)
    scope = {}
    for block in blocks if page == "structure" else blocks[:1]:
        exec(block, scope)
    if page == "readouts":
        (path,) = scope["run"].paths
        assert (path.tokens, path.reads) == ((0, 5, 6, 7), (2, 3))
    else:
        assert scope["structure"]["length"].tolist() == [21, 24, 22, 25]
