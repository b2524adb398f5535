"""Interpretations on disk read back as written, and depend on all of their key."""

from dataclasses import replace

import pytest
import torch

from istar.flops.meter import MeterReading
from istar.methods.contract import Interpretation
from istar.sandbox import INTERPRETATIONS, InterpretationKey
from istar.sandbox.client import InterpretOutcome
from istar.storage import Store

KEY = InterpretationKey("m" * 64, "t" * 64, "c" * 64)


@pytest.fixture
def outcome():
    interpretation = Interpretation({"lens": torch.arange(6.0).reshape(2, 3)}, {"layer": 3})
    reading = MeterReading("v1", 7, 5, {"mm": 5, "add": 2}, {"interpret": 7}, {})
    return InterpretOutcome(interpretation, interpretation.to_bytes(), reading, 1.5, 1.25, "bubblewrap")


def test_what_is_put_is_got(tmp_path, outcome):
    store = Store(tmp_path)
    store.put(INTERPRETATIONS, vars(KEY), outcome)
    found = store.get(INTERPRETATIONS, vars(KEY))
    assert found is not None
    assert torch.equal(found.interpretation.tensors["lens"], outcome.interpretation.tensors["lens"])
    assert replace(found, interpretation=outcome.interpretation) == outcome


@pytest.mark.parametrize(
    "other", [{"method": "x"}, {"target": "x"}, {"corpus": "x"}, {"rulebook": "v0"}, {"seed": 1}], ids=str
)
def test_each_part_of_the_key_counts(tmp_path, outcome, other):
    store = Store(tmp_path)
    store.put(INTERPRETATIONS, vars(KEY), outcome)
    assert store.get(INTERPRETATIONS, vars(replace(KEY, **other))) is None
