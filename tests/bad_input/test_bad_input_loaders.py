"""Loaders are given mutated valid files and any bytes: they raise istar's own errors or nothing."""

import os

import pytest
from fuzzing import Fuzz, loaders
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

COUNT = 3000 if os.environ.get("ISTAR_TRUST") == "1" else 100
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    return {loader.name: loader for loader in loaders(tmp_path_factory.mktemp("inputs"))}


VALUES = ("rulebook as values", "settings as values", "question", "curve")
NAMES = (
    *("stored recording", "stored interpretation", "stored curve", "stored streams", "stored table"),
    *("stored unfinished table", "stored corpus", "recording", "interpretation", "method"),
    *("sealed recording", "sealed interpretation", "sealed curve", "sealed streams", "sealed corpus"),
    *("settings", "rulebook", "scores", *VALUES),
)


def test_every_loader_is_fed(every):
    assert set(every) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_mutated_input_is_refused_or_taken(every, name):
    fuzz = Fuzz()
    fuzz.feed(every[name], COUNT, seed=0)
    assert fuzz.faults == []
    assert fuzz.ends[name]["refused"] > 0


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in ("rulebook as values", "settings as values", "question", "curve")]
)
@settings(max_examples=COUNT // 4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400))
def test_any_bytes_are_refused_or_taken(every, name, content):
    fuzz = Fuzz()
    fuzz.give(every[name], content)
    assert fuzz.faults == []


@pytest.mark.parametrize("name", VALUES)
@settings(max_examples=COUNT, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=JSON)
def test_any_values_are_refused_or_taken(every, name, data):
    fuzz = Fuzz()
    fuzz.give(every[name], data)
    assert fuzz.faults == []
