import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istar.errors import CorruptDataError
from istar.methods import ChannelBatch, Recording


def recording(sizes, channels, **fields):
    generator = np.random.default_rng(0)
    batches = tuple(
        ChannelBatch(
            generator.permutation(size).astype(np.int64),
            generator.normal(size=(size, channels)).astype(np.float32),
            10 * at,
        )
        for at, size in enumerate(sizes, start=1)
    )
    return Recording("method", "question", "target", "v1", batches, prepare_flops=7, **fields)


@given(sizes=st.lists(st.integers(1, 5), max_size=4), channels=st.integers(0, 3), error=st.none() | st.text())
def test_bytes_give_back_the_recording(sizes, channels, error):
    original = recording(
        sizes, channels, by_op={"mm": 2**60}, by_region={"predict": 3}, seconds=0.5, complete=False, error=error
    )
    again = Recording.from_bytes(original.to_bytes())
    assert again.channels == (channels if sizes else 0)
    assert len(again.batches) == len(sizes)
    for batch, expected in zip(again.batches, original.batches, strict=True):
        assert np.array_equal(batch.rows, expected.rows)
        assert np.array_equal(batch.channels, expected.channels)
        assert batch.channels.shape == expected.channels.shape
        assert batch.flops == expected.flops
    for field in (
        "method_hash",
        "question_hash",
        "target",
        "rulebook",
        "prepare_flops",
        "by_op",
        "by_region",
        "seconds",
    ):
        assert getattr(again, field) == getattr(original, field)
    assert (again.complete, again.error) == (False, error)


def test_torn_bytes_are_refused():
    content = recording([2, 3], 1).to_bytes()
    for piece in (b"", content[:20], content[:-1], content.replace(b'\\"format\\": 2', b'\\"format\\": 9')):
        with pytest.raises(CorruptDataError, match="recording"):
            Recording.from_bytes(piece)
