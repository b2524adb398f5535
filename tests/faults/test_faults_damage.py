"""Stored files with changed, missing or foreign bytes: an error that names the file, or what was written."""

import os

import pytest
from damage import Damage, kinds

COUNT = 2000 if os.environ.get("ISTAR_TRUST") == "1" else 60
NAMES = (
    "recording",
    "interpretation",
    "curve",
    "streams",
    "table",
    "unfinished table",
    "corpus",
    "ledger",
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return {kind.name: kind for kind in kinds(tmp_path_factory.mktemp("stored"))}


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_an_error_or_changes_nothing(written, name):
    damage = Damage()
    damage.inflict(written[name], COUNT, seed=0)
    assert damage.faults == []
    assert damage.ends[name]["error"] > 0.3 * COUNT


def test_every_kind_is_damaged(written):
    assert set(NAMES) == set(written)
