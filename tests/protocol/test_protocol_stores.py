import numpy as np
import pytest
from fake_arms import curve, table

from istar.arms.settings import Caps
from istar.arms.stores import CurveStore, KeptRecording, RecordingKey, RecordingStore
from istar.errors import CorruptDataError
from istar.methods.recording import ChannelBatch, Recording

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


def test_recording_is_read_back_as_it_was_written(tmp_path):
    store = RecordingStore(tmp_path)
    assert store.load(KEY) is None
    store.save(KEY, KeptRecording(RECORDING, 1.5, 0.25, "bubblewrap"))
    kept = store.load(KEY)
    assert (kept.cpu_seconds, kept.unexplained_cpu_seconds, kept.tier) == (1.5, 0.25, "bubblewrap")
    assert kept.recording.to_bytes() == RECORDING.to_bytes()


@pytest.mark.parametrize(
    "changed",
    [{"method": "other"}, {"seed": 1}, {"caps": Caps(rows_fraction=0.1)}, {"corpus": "other"}, {"plugins": "edited"}],
)
def test_recording_depends_on_all_of_its_key(tmp_path, changed):
    store = RecordingStore(tmp_path)
    store.save(KEY, KeptRecording(RECORDING, 0.0, 0.0, "plain"))
    assert store.load(RecordingKey(**{**vars(KEY), **changed})) is None


@pytest.mark.parametrize("damage", [lambda content: content[:-3], lambda content: b"x" + content, lambda content: b""])
def test_damaged_recording_is_an_error_that_names_the_file(tmp_path, damage):
    store = RecordingStore(tmp_path)
    store.save(KEY, KeptRecording(RECORDING, 0.0, 0.0, "plain"))
    path = store.path(KEY)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CorruptDataError, match=path.name):
        store.load(KEY)


def test_baseline_curves_are_read_back_to_the_last_bit(tmp_path):
    store = CurveStore(tmp_path)
    curves = tuple(curve(table("shot_shapley/a", 0), seed, "black_box", 1 / 3) for seed in range(2))
    key = ("black_box", "question", 1, 0.1)
    assert store.load(key) is None
    store.save(key, curves)
    assert store.load(key) == curves
    assert store.load(("black_box", "question", 2, 0.1)) is None
