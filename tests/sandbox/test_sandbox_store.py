"""Interpretations on disk read back as written, or are refused."""

from dataclasses import replace

import pytest
import torch

from istar.errors import CorruptDataError
from istar.flops.meter import MeterReading
from istar.methods.contract import Interpretation
from istar.sandbox.client import InterpretOutcome
from istar.sandbox.interpretations import InterpretationKey, InterpretationStore

KEY = InterpretationKey("m" * 64, "t" * 64, "c" * 64)


@pytest.fixture
def outcome():
    interpretation = Interpretation({"lens": torch.arange(6.0).reshape(2, 3)}, {"layer": 3})
    reading = MeterReading("v1", 7, 5, {"mm": 5, "add": 2}, {"interpret": 7}, {})
    return InterpretOutcome(interpretation, interpretation.to_bytes(), reading, 1.5, 1.25, 0.25, "bubblewrap")


def test_what_is_saved_is_loaded(tmp_path, outcome):
    store = InterpretationStore(tmp_path / "new")
    assert store.load(KEY) is None
    store.save(KEY, outcome)
    found = store.load(KEY)
    assert found is not None
    assert torch.equal(found.interpretation.tensors["lens"], outcome.interpretation.tensors["lens"])
    assert replace(found, interpretation=outcome.interpretation) == outcome
    assert [path.suffix for path in store.folder.iterdir()] == [".interpretation"]


@pytest.mark.parametrize(
    "other", [{"method": "x"}, {"target": "x"}, {"corpus": "x"}, {"rulebook": "v0"}, {"seed": 1}], ids=str
)
def test_each_part_of_the_key_counts(tmp_path, outcome, other):
    store = InterpretationStore(tmp_path)
    store.save(KEY, outcome)
    assert store.load(replace(KEY, **other)) is None


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_changed_file_is_refused(tmp_path, outcome, place):
    store = InterpretationStore(tmp_path)
    store.save(KEY, outcome)
    content = bytearray(store.path(KEY).read_bytes())
    content[place] ^= 0xFF
    store.path(KEY).write_bytes(content)
    with pytest.raises(CorruptDataError, match="delete the file"):
        store.load(KEY)


def test_a_torn_file_is_refused(tmp_path, outcome):
    store = InterpretationStore(tmp_path)
    store.save(KEY, outcome)
    store.path(KEY).write_bytes(store.path(KEY).read_bytes()[:-3])
    with pytest.raises(CorruptDataError, match="delete the file"):
        store.load(KEY)
