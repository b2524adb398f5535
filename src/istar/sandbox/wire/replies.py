"""Reading what a worker answered. The method's code ran in the process that wrote it, so none of it is taken on trust.

Whatever the parent knows itself (the rows it asked for, hashes, the clock) is not read from the reply at all; the
rest is checked for type, shape, finiteness and for sums and orders that an honest count has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import NoReturn

import numpy as np
from jaxtyping import Float32, Int

from istar.errors import printable
from istar.flops.kinds import KINDS
from istar.flops.meter import MeterReading, meter_reading_from_json
from istar.flops.rulebook import RULEBOOK
from istar.flops.timed import KindUse
from istar.flops.witness import Clocked
from istar.methods.contract import Interpretation, MethodError
from istar.methods.recording import ChannelBatch
from istar.sandbox.wire.frames import JSON, Array, Frame

FLOPS_LIMIT = 2**62
NAMES_LIMIT = 4096


class ReplyError(MethodError):
    """A reply that no honest worker writes."""


def raise_failure(frame: Frame, method: str) -> NoReturn:
    """Raise what a reply of kind `failed` reports; a method could write any such reply, so it is always to blame.

    Raises:
        MethodError: always.
    """
    text = printable(frame.fields.get("text"))
    if frame.fields.get("blame") == "method":
        raise MethodError(text)
    raise MethodError(f"the worker failed while it ran {method!r}:\n{text}")


def read_interpretation(frame: Frame, method: str) -> tuple[Interpretation, bytes, MeterReading]:
    """Return the interpretation, as object and as bytes, and the meter's reading in a reply to `interpret`.

    Raises:
        ReplyError: the reply is not what an honest worker writes.
        MethodError: the method failed.
    """
    if frame.kind == "failed":
        raise_failure(frame, method)
    content = frame.arrays.get("content")
    if frame.kind != "interpreted" or content is None or content.dtype != np.uint8 or content.ndim != 1:
        raise ReplyError(f"{method!r}: the reply to interpret is no interpretation")
    blob = content.tobytes()
    reading = _reading(frame.fields.get("reading"), method)
    return Interpretation.from_bytes(blob), blob, reading


def _reading(data: JSON, method: str) -> MeterReading:
    if not isinstance(data, dict) or set(data) != {field.name for field in fields(MeterReading)}:
        raise ReplyError(f"{method!r}: the reply lacks the meter's reading")
    if data["rulebook"] != RULEBOOK.version:
        raise ReplyError(f"{method!r}: the reply is not counted under rulebook {RULEBOOK.version}")
    total = flops_of(data["flops"], "flops", method)
    matmul_flops_of(data["matmul_flops"], total, method)
    by_op = histogram_of(data["by_op"], "by_op", method)
    histogram_of(data["by_region"], "by_region", method)
    histogram_of(data["unknown"], "unknown", method)
    if sum(by_op.values()) != total:
        raise ReplyError(f"{method!r}: the reply's FLOPs by operation do not add up to its FLOPs")
    return meter_reading_from_json(data)


def flops_of(value: JSON, name: str, method: str) -> int:
    """Return a count of FLOPs, or raise `ReplyError` if it can be none."""
    if type(value) is not int or not 0 <= value < FLOPS_LIMIT:
        raise ReplyError(f"{method!r}: {name} in the reply is not a count of FLOPs")
    return value


def matmul_flops_of(value: JSON, total: int, method: str) -> int:
    """Return the part of all FLOPs that went into matrix products, or raise `ReplyError` if it can be none."""
    flops = flops_of(value, "matmul_flops", method)
    if flops > total:
        raise ReplyError(f"{method!r}: the reply claims more FLOPs in matrix products than in all")
    return flops


def histogram_of(value: JSON, name: str, method: str) -> Mapping[str, int]:
    """Return FLOPs by name, or raise `ReplyError` if it can be none."""
    if not isinstance(value, dict) or len(value) > NAMES_LIMIT:
        raise ReplyError(f"{method!r}: {name} in the reply is not a histogram of FLOPs")
    return {printable(key, 200): flops_of(flops, name, method) for key, flops in value.items()}


def read_batches(
    frame: Frame,
    asked: Sequence[Int[np.ndarray, " batch"]],
    max_flops: int | None,
    channel_limit: int,
    method: str,
) -> tuple[ChannelBatch, ...]:
    """Return the channel batches in a reply to `record`; their rows are those that were asked for.

    Args:
        frame: the reply.
        asked: the batches of rows, in order.
        max_flops: after which the recording had to end.
        channel_limit: the most channels.
        method: its name, for messages.

    Raises:
        ReplyError: the reply is not what an honest worker writes.
    """
    counts, parts = frame.fields.get("flops"), frame.fields.get("batches")
    if not isinstance(counts, list) or len(counts) > len(asked):
        raise ReplyError(f"{method!r}: the reply answers more batches than were asked for, or none at all")
    if not isinstance(parts, list) or len(parts) != len(counts) or not all(isinstance(part, dict) for part in parts):
        raise ReplyError(f"{method!r}: the reply does not say by operation what each batch cost")
    if set(frame.arrays) != {f"channels.{index}" for index in range(len(counts))}:
        raise ReplyError(f"{method!r}: the reply does not hold channels for each batch it answers")
    spent = flops_of(frame.fields.get("prepare_flops"), "prepare_flops", method)
    batches: list[ChannelBatch] = []
    for index, (rows, count) in enumerate(zip(asked, counts, strict=False)):
        if max_flops is not None and spent > max_flops:
            raise ReplyError(f"{method!r}: the reply goes on after its budget of {max_flops} FLOPs")
        flops = flops_of(count, "flops", method)
        if flops < spent:
            raise ReplyError(f"{method!r}: the FLOPs in the reply fall from {spent} to {flops}")
        spent = flops
        width = batches[0].channels.shape[1] if batches else None
        channels = _channels(frame.arrays[f"channels.{index}"], len(rows), width, channel_limit, method)
        by_op = histogram_of(parts[index].get("by_op"), "by_op", method)
        if sum(by_op.values()) != flops:
            raise ReplyError(f"{method!r}: the FLOPs by operation of a batch in the reply do not add up to its FLOPs")
        products = matmul_flops_of(parts[index].get("matmul_flops"), flops, method)
        batches.append(ChannelBatch(np.asarray(rows, dtype=np.int64), channels, flops, by_op, products))
    return tuple(batches)


def _channels(
    array: Array, rows: int, width: int | None, limit: int, method: str
) -> Float32[np.ndarray, "batch channels"]:
    if array.dtype != np.float32 or array.ndim != 2 or len(array) != rows or array.shape[1] > limit:
        raise ReplyError(
            f"{method!r}: the reply holds channels of type {array.dtype} and shape {array.shape} for {rows} rows; "
            f"there must be one row of up to {limit} float32 numbers a run"
        )
    if width is not None and array.shape[1] != width:
        raise ReplyError(f"{method!r}: the number of channels in the reply changes between batches")
    if not np.isfinite(array).all():
        raise ReplyError(f"{method!r}: the reply holds channels that are not finite")
    return array


def check_totals(frame: Frame, batches: Sequence[ChannelBatch], max_flops: int | None, method: str) -> int:
    """Return all FLOPs that a reply to `record` reports, checked against its parts.

    Raises:
        ReplyError: they do not add up, or go past the cut-off at twice `max_flops`.
    """
    total = flops_of(frame.fields.get("total_flops"), "total_flops", method)
    by_op = histogram_of(frame.fields.get("by_op"), "by_op", method)
    if sum(by_op.values()) != total:
        raise ReplyError(f"{method!r}: the reply's FLOPs by operation do not add up to its FLOPs")
    if batches and batches[-1].flops > total:
        raise ReplyError(f"{method!r}: the reply's batches cost more than all of it")
    if max_flops is not None and total > 2 * max_flops:
        raise ReplyError(f"{method!r}: the reply reports {total} FLOPs, past the cut-off at {2 * max_flops}")
    return total


def clocked_in(frame: Frame, computed: int, method: str) -> Clocked:
    """Return what a reply to `record` says of the worker's time.

    Args:
        frame: the reply.
        computed: FLOPs of what really ran.
        method: its name, for messages.

    Raises:
        ReplyError: it says nothing that an honest worker does.
    """
    said = frame.fields.get("kinds")
    if not isinstance(said, dict) or not set(said) <= set(KINDS):
        raise ReplyError(f"{method!r}: the reply does not say what each kind of operation took")
    kinds = {}
    for kind, use in said.items():
        if not isinstance(use, list) or len(use) != len(KindUse._fields):
            raise ReplyError(f"{method!r}: the reply does not say what {kind} operations took")
        kinds[kind] = KindUse(*(flops_of(each, f"the use of {kind} operations", method) for each in use))
    if sum(use.flops for use in kinds.values()) > computed:
        raise ReplyError(f"{method!r}: the reply's FLOPs by kind of operation are more than were computed")
    return Clocked(kinds, _seconds_of(frame.fields.get("main_seconds"), "main_seconds", method))


def _seconds_of(value: JSON, name: str, method: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or value < 0:
        raise ReplyError(f"{method!r}: {name} in the reply is no time")
    return float(value)
