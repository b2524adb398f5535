from types import SimpleNamespace

import numpy as np
import pytest
from fake_arms import curve, table

from istar.arms.sessions import SandboxSession
from istar.arms.settings import Caps
from istar.arms.stores import BASELINES, CURVES, RECORDINGS, KeptRecording, RecordingKey
from istar.flops.timed import KindUse
from istar.flops.witness import Witness
from istar.methods.filing import filed_under
from istar.methods.recording import ChannelBatch, Recording
from istar.sandbox import INTERPRETATIONS
from istar.storage import Store

KEY = RecordingKey("method", "question", "target", "corpus", "v1", 0, Caps())
RECORDING = Recording(
    "method",
    "question",
    "target",
    "v1",
    (ChannelBatch(np.array([0, 2]), np.ones((2, 1), np.float32), 7),),
    3,
    by_op={"mm": 7},
    total_flops=7,
)
WITNESS = Witness(1.5, {"between operations": 0.25, "product": 0.5}, 2.0, {"product": KindUse(7, 1, 10**9)})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_recording_is_read_back_as_it_was_written(store):
    store.put(RECORDINGS, KEY.facts, KeptRecording(RECORDING, WITNESS, "bubblewrap"))
    kept = store.get(RECORDINGS, KEY.facts)
    assert (kept.witness, kept.tier) == (WITNESS, "bubblewrap")
    assert kept.recording.to_bytes() == RECORDING.to_bytes()


@pytest.mark.parametrize(
    "changed",
    [{"method": "other"}, {"seed": 1}, {"caps": Caps(rows_fraction=0.1)}, {"corpus": "other"}, {"rulebook": "v0"}],
)
def test_recording_depends_on_all_of_its_key(store, changed):
    store.put(RECORDINGS, KEY.facts, KeptRecording(RECORDING, WITNESS, "plain"))
    other = RecordingKey(**{**vars(KEY), **changed})
    assert store.get(RECORDINGS, other.facts) is None
    assert other.name != KEY.name


def test_a_recording_that_took_another_time_limit_is_the_same(store):
    store.put(RECORDINGS, KEY.facts, KeptRecording(RECORDING, WITNESS, "plain"))
    slower = RecordingKey(**{**vars(KEY), "caps": Caps(seconds=9999.0)})
    assert store.get(RECORDINGS, slower.facts) is not None


def test_curves_are_read_back_to_the_last_bit(store):
    made = curve(table("shot_shapley/a", 0), 0, "black_box", 1 / 3)
    store.put(BASELINES, {"replay": ("question", 1, 0.1)}, made)
    assert store.get(BASELINES, {"replay": ("question", 1, 0.1)}) == made
    assert store.get(CURVES, {"replay": ("question", 1, 0.1)}) is None


def test_what_a_method_says_and_learns_is_asked_for_under_the_tools_it_imports():
    source, asked = "from istar.methods import StitchedRuns\n", []
    arms = SimpleNamespace(
        store=SimpleNamespace(get=lambda kind, facts: asked.append((kind, facts["method"])) or "kept"),
        config=SimpleNamespace(environment_seed=0, caps=Caps()),
        target=SimpleNamespace(id="target"),
        corpus=SimpleNamespace(hash="corpus"),
        interpretation_key=lambda method: (method, "target", "corpus", "v2"),
    )
    session = SandboxSession(arms, source, "stitched")
    assert session.interpretation() == session.record(table("shot_shapley/a", 0)) == "kept"
    assert asked == [(INTERPRETATIONS, filed_under(source)), (RECORDINGS, filed_under(source))]
    assert filed_under(source) != session.method
