"""Frames carry what was put in, and refuse everything else before they allocate for it."""

import json
import os
import struct
import threading
from itertools import chain, repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from istar.sandbox.wire.deadline import Deadline
from istar.sandbox.wire.frames import (
    DTYPES,
    Frame,
    FrameCaps,
    FrameClosedError,
    FrameError,
    FrameTimeoutError,
    read_frame,
    write_frame,
)

CAPS = FrameCaps(header_bytes=2**16, array_bytes=2**20, arrays=4)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
any_array = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
)


def passed_on(content: bytes, caps: FrameCaps = CAPS, deadline: Deadline | None = None) -> Frame:
    """Read a frame from a pipe that held these bytes and was then closed."""
    reading, writing = os.pipe()
    try:
        writer = threading.Thread(target=lambda: (os.write(writing, content), os.close(writing)))
        writer.start()
        try:
            return read_frame(reading, caps, deadline)
        finally:
            writer.join()
    finally:
        os.close(reading)


def raw(header: object, payload: bytes = b"", magic: bytes = b"IST1") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return magic + struct.pack("<I", len(text)) + text + payload


def listed(**array: object) -> dict[str, object]:
    return {"kind": "k", "fields": {}, "arrays": [{"name": "a", "dtype": "float32", "shape": [1]} | array]}


@settings(max_examples=60, deadline=None)
@given(
    fields=st.dictionaries(st.text(max_size=8), json_values, max_size=3),
    arrays=st.dictionaries(st.text(max_size=8), any_array, max_size=3),
)
def test_what_is_written_is_read(fields, arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("frames") / "frame"
    with path.open("wb") as stream:
        write_frame(stream.fileno(), Frame("kind", fields, arrays))
    with path.open("rb") as stream:
        frame = read_frame(stream.fileno(), CAPS)
        assert stream.read() == b""
    assert frame.kind == "kind"
    assert frame.fields == fields
    assert frame.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert frame.arrays[name].dtype.name == array.dtype.name
        assert np.array_equal(frame.arrays[name], array, equal_nan=array.dtype.kind == "f")


def test_several_frames_follow_one_another_on_a_pipe():
    reading, writing = os.pipe()
    for number in range(3):
        write_frame(writing, Frame("n", {"number": number}, {"a": np.arange(number)}))
    assert [read_frame(reading, CAPS).fields["number"] for _ in range(3)] == [0, 1, 2]
    os.close(reading)
    os.close(writing)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=300).map(raw))
def test_arbitrary_bytes_raise_frame_errors_only(content):
    with pytest.raises(FrameError):
        passed_on(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (raw({}, magic=b"EVIL"), "begins with"),
        (b"IST1" + struct.pack("<I", 2**31), "claims 2147483648 bytes; the cap is 65536"),
        (raw(b"{"), "not JSON"),
        (raw(b"[" * 5000), "not JSON"),
        (raw(b'{"kind": "k", "fields": {"x": NaN}, "arrays": []}'), "NaN is not a JSON number"),
        (raw({"kind": "k", "fields": {}}), "must hold a kind"),
        (raw({"kind": 1, "fields": {}, "arrays": []}), "must hold a kind"),
        (raw(listed(dtype="object")), "dtype other than"),
        (raw(listed(dtype="bool")), "dtype other than"),
        (raw(listed(dtype=["float32"])), "dtype other than"),
        (raw(listed(shape=[-1])), "impossible shape"),
        (raw(listed(shape=[True])), "impossible shape"),
        (raw(listed(shape=[1.5])), "impossible shape"),
        (raw(listed(shape=[1] * 9)), "impossible shape"),
        (raw(listed(shape=[2**20])), "more than 1048576 bytes"),
        (raw(listed(shape=[2**39, 2**39, 2**39])), "more than 1048576 bytes"),
        (raw(listed(extra=1)), "must have a name"),
        (raw({"kind": "k", "fields": {}, "arrays": listed()["arrays"] * 2}), "two arrays"),  # type: ignore[operator]
        (raw({"kind": "k", "fields": {}, "arrays": listed()["arrays"] * 5}), "claims 5 arrays"),  # type: ignore[operator]
    ],
)
def test_each_fault_is_named(content, message):
    with pytest.raises(FrameError, match=message):
        passed_on(content)


def test_a_torn_frame_says_how_much_came():
    with pytest.raises(FrameClosedError) as caught:
        passed_on(raw(listed(shape=[4]), b"12345"))
    assert caught.value.received == len(raw(listed(shape=[4]))) + 5
    with pytest.raises(FrameClosedError) as caught:
        passed_on(b"")
    assert caught.value.received == 0


def test_the_deadline_holds_against_a_trickle():
    reading, writing = os.pipe()
    stop = threading.Event()

    def trickle():
        for byte in chain(raw(listed(shape=[2**18])), repeat(0)):
            if stop.wait(0.01):
                return
            os.write(writing, bytes([byte]))

    writer = threading.Thread(target=trickle)
    writer.start()
    with pytest.raises(FrameTimeoutError, match="deadline"):
        read_frame(reading, CAPS, Deadline(0.2))
    assert writer.is_alive()  # it has more to say
    stop.set()
    writer.join()


def test_objects_cannot_be_written():
    reading, writing = os.pipe()
    with pytest.raises(FrameError, match="'a' holds object"):
        write_frame(writing, Frame("k", {}, {"a": np.array([object()])}))
    os.close(reading)
    os.close(writing)
