"""What is kept of a method is found again until its source, or a tool that it uses, changes."""

from pathlib import Path

import pytest

import istar.fingerprint as fingerprints
from istar.identity import code_hash
from istar.methods import __all__ as exported
from istar.methods.filing import TOOLS, filed_under, tools_of
from istar.methods.library import library_methods
from istar.methods.loading import read_source, source_hash

PLAIN = "import torch\n\nfrom istar.methods import Interpretation, MethodError\n"
STITCHED = "from istar.methods import Interpretation, StitchedRuns\n"


@pytest.mark.parametrize("source", [PLAIN, "", "def broken(:\n", "from istar.methods import no_such_name\n"])
def test_without_tools_it_is_the_hash_of_the_source(source):
    assert tools_of(source) == ()
    assert filed_under(source) == source_hash(source)


def test_tools_are_those_imported_and_those_that_they_import():
    assert tools_of(STITCHED) == (f"{TOOLS}.stitching", f"{TOOLS}.windows")
    assert f"{TOOLS}.parts" in tools_of("from istar.methods import align\n")
    assert tools_of(f"from {TOOLS}.spans import asked_spans\n") == (f"{TOOLS}.scores", f"{TOOLS}.spans")


def test_every_exported_name_is_a_tool_but_those_of_the_contract():
    without = {name for name in exported if not tools_of(f"from istar.methods import {name}\n")}
    contract = {"Interpretation", "Method", "MethodError", "Fault", "FenceError", "ChannelBatch", "Recording"}
    assert without == contract | {"check_source", "load_method"}


def test_an_edited_tool_files_its_methods_anew_and_no_others(monkeypatch):
    def edited(path: Path) -> str:
        return "0" * 64 if path.stem == "windows" else code_hash(path)

    sources = {name: read_source(path) for name, path in library_methods().items()}
    before = {name: filed_under(source) for name, source in sources.items()}
    monkeypatch.setattr(fingerprints, "code_hash", edited)
    fingerprints.own_code.cache_clear()
    try:
        moved = {name for name, source in sources.items() if filed_under(source) != before[name]}
    finally:
        fingerprints.own_code.cache_clear()
    assert "stitched_cache" in moved
    assert moved == {name for name, source in sources.items() if f"{TOOLS}.windows" in tools_of(source)}
    assert len(moved) < len(sources)
