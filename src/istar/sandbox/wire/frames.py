"""Frames: how parent and worker talk. JSON says what is in a frame, raw arrays follow, nothing is ever unpickled.

    magic (4 bytes) | header length (u32) | header: JSON | the arrays' bytes, one after the other, little-endian

The header lists each array's name, dtype and shape. A reader takes nothing on trust: the header, the number of
arrays, their dtypes and their size are checked against its caps before memory is allocated for them, and whatever is
wrong is a `FrameError` that says what.
"""

from __future__ import annotations

import json
import math
import os
import select
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from istar.errors import IstarError
from istar.sandbox.wire.deadline import Deadline

MAGIC = b"IST1"
_PREFIX = struct.Struct("<4sI")
DTYPES = {"float32": "<f4", "float64": "<f8", "int32": "<i4", "int64": "<i8", "uint8": "|u1"}
"""What an array may hold. Booleans are left out: a forged byte other than 0 and 1 breaks numpy's own assumptions."""

JSON: TypeAlias = Any
Array: TypeAlias = np.ndarray[Any, Any]


class FrameError(IstarError):
    """Bytes that are not a frame, or a frame over the reader's caps."""


class FrameTimeoutError(FrameError):
    """The deadline passed before the frame was whole."""


class FrameClosedError(FrameError):
    """The other side closed its end before the frame was whole.

    Attributes:
        received: bytes read before the end.
    """

    def __init__(self, message: str, received: int) -> None:
        """Note how much had been read."""
        super().__init__(message)
        self.received = received


@dataclass(frozen=True)
class FrameCaps:
    """What a reader accepts.

    Attributes:
        header_bytes: the longest JSON header.
        array_bytes: the most bytes of all arrays together.
        arrays: the most arrays.
    """

    header_bytes: int = 2**20
    array_bytes: int = 2**28
    arrays: int = 64


@dataclass(frozen=True)
class Frame:
    """One message.

    Attributes:
        kind: what it is.
        fields: JSON values.
        arrays: by name; the dtypes of `DTYPES`.
    """

    kind: str
    fields: Mapping[str, JSON] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)


def write_frame(descriptor: int, frame: Frame, deadline: Deadline | None = None) -> None:
    """Write a frame to a pipe or socket, all of it.

    Args:
        descriptor: where to write; one that does not block if there is a deadline.
        frame: the frame.
        deadline: None waits for ever.

    Raises:
        FrameTimeoutError: the deadline passed.
        FrameError: an array has a dtype that frames do not carry.
        OSError: the other side is gone.
    """
    for part in _parts(frame):
        _write_all(descriptor, part, deadline)


def frame_bytes(frame: Frame) -> bytes:
    """Return a frame as the bytes that `write_frame` writes.

    Raises:
        FrameError: an array has a dtype that frames do not carry.
    """
    return b"".join(_parts(frame))


def _parts(frame: Frame) -> Iterator[memoryview]:
    """Yield a frame's bytes: its head, then each array's."""
    arrays = {name: np.asarray(array) for name, array in frame.arrays.items()}
    listed = []
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise FrameError(f"array {name!r} holds {array.dtype}; frames carry {', '.join(DTYPES)}")
        listed.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape)})
    header = json.dumps({"kind": frame.kind, "fields": dict(frame.fields), "arrays": listed}, allow_nan=False).encode()
    yield memoryview(_PREFIX.pack(MAGIC, len(header)) + header)
    for array in arrays.values():
        little = np.ascontiguousarray(array, dtype=DTYPES[array.dtype.name])
        if little.size:
            yield little.reshape(-1).view(np.uint8).data


def read_frame(descriptor: int, caps: FrameCaps, deadline: Deadline | None = None) -> Frame:
    """Read one frame from a pipe or socket.

    Args:
        descriptor: where to read.
        caps: what is accepted.
        deadline: None waits for ever.

    Raises:
        FrameTimeoutError: the deadline passed.
        FrameClosedError: the other side closed its end.
        FrameError: what came is not a frame, or over the caps.
    """
    reader = _Reader(descriptor, deadline)
    magic, header_bytes = _PREFIX.unpack(reader.take(_PREFIX.size))
    if magic != MAGIC:
        raise FrameError(f"a frame begins with {MAGIC!r}, this began with {magic!r}")
    if header_bytes > caps.header_bytes:
        raise FrameError(f"a frame's header claims {header_bytes} bytes; the cap is {caps.header_bytes}")
    kind, fields, shapes = _parse_header(reader.take(header_bytes), caps)
    arrays: dict[str, Array] = {}
    for name, (dtype, shape) in shapes.items():
        array = np.empty(shape, dtype=DTYPES[dtype])
        if array.size:
            reader.fill(array.reshape(-1).view(np.uint8).data)
        arrays[name] = array
    return Frame(kind, fields, arrays)


def _parse_header(text: bytes, caps: FrameCaps) -> tuple[str, dict[str, JSON], dict[str, tuple[str, tuple[int, ...]]]]:
    try:
        header = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"a frame's header is not JSON: {error}") from None
    if not (
        isinstance(header, dict)
        and set(header) == {"kind", "fields", "arrays"}
        and isinstance(header["kind"], str)
        and isinstance(header["fields"], dict)
        and isinstance(header["arrays"], list)
    ):
        raise FrameError("a frame's header must hold a kind, fields and a list of arrays")
    if len(header["arrays"]) > caps.arrays:
        raise FrameError(f"a frame claims {len(header['arrays'])} arrays; the cap is {caps.arrays}")
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {}
    total = 0
    for item in header["arrays"]:
        name, dtype, shape = _parse_array(item)
        if name in shapes:
            raise FrameError(f"two arrays of a frame are called {name!r}")
        total += math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
        if total > caps.array_bytes:
            raise FrameError(f"a frame's arrays claim more than {caps.array_bytes} bytes, which is the cap")
        shapes[name] = dtype, shape
    return header["kind"], header["fields"], shapes


def _parse_array(item: JSON) -> tuple[str, str, tuple[int, ...]]:
    if not (isinstance(item, dict) and set(item) == {"name", "dtype", "shape"} and isinstance(item["name"], str)):
        raise FrameError("an array of a frame must have a name, a dtype and a shape")
    if not isinstance(item["dtype"], str) or item["dtype"] not in DTYPES:
        raise FrameError(f"array {item['name'][:80]!r} has a dtype other than {', '.join(DTYPES)}")
    shape = item["shape"]
    whole = isinstance(shape, list) and all(type(size) is int and 0 <= size < 2**40 for size in shape)
    if not whole or len(shape) > 8:
        raise FrameError(f"array {item['name'][:80]!r} has an impossible shape")
    return item["name"], item["dtype"], tuple(shape)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _write_all(descriptor: int, view: memoryview, deadline: Deadline | None) -> None:
    while view:
        if deadline is not None and not deadline.meets(lambda left: select.select([], [descriptor], [], left)[1]):
            raise FrameTimeoutError("the deadline passed before the frame was written")
        view = view[os.write(descriptor, view) :]


class _Reader:
    """Reads exact numbers of bytes before a deadline."""

    def __init__(self, descriptor: int, deadline: Deadline | None) -> None:
        self.descriptor = descriptor
        self.deadline = deadline
        self.received = 0
        self.poll = select.poll()
        self.poll.register(descriptor, select.POLLIN | select.POLLHUP)

    def take(self, size: int) -> bytes:
        buffer = bytearray(size)
        self.fill(memoryview(buffer))
        return bytes(buffer)

    def fill(self, view: memoryview) -> None:
        while view:
            if self.deadline is not None and not self.deadline.meets(lambda left: self.poll.poll(left * 1000)):
                raise FrameTimeoutError("the deadline passed before the frame was whole")
            count = os.readv(self.descriptor, [view[: 2**20]])
            if count == 0:
                raise FrameClosedError("the other side closed its end before the frame was whole", self.received)
            self.received += count
            view = view[count:]
