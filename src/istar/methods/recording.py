"""Recordings: what a method said about a question, batch by batch, and what each batch cost.

A method runs once per question; every budget, policy and seed afterwards replays the recording.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import safetensors
from jaxtyping import Float32, Int64
from safetensors.numpy import load, save

from istar.errors import CorruptDataError

FORMAT = 2


@dataclass(frozen=True)
class ChannelBatch:
    """The channels of one nested batch of rows.

    Attributes:
        rows: row numbers into the question, in the order the method was given them.
        channels: one row of numbers for each; k columns, the same k in all batches of a recording, possibly 0.
        flops: FLOPs from the start of `prepare` to the end of this batch.
        by_op: the same by torch operation; empty in recordings of versions that did not keep it.
        matmul_flops: the part of `flops` in matrix products, convolutions and attention.
    """

    rows: Int64[np.ndarray, " batch"]
    channels: Float32[np.ndarray, "batch channels"]
    flops: int
    by_op: Mapping[str, int] = field(default_factory=dict)
    matmul_flops: int = 0


@dataclass(frozen=True)
class Recording:
    """All a method said about one question.

    Attributes:
        method_hash: hash of the method's source.
        question_hash: hash of the question.
        target: id of the target.
        rulebook: version of the rulebook the FLOPs were counted under.
        batches: in the order they were asked for; fewer than the question's where the budget ran out.
        prepare_flops: FLOPs of `prepare`, contained in every batch's `flops`.
        by_op: FLOPs by torch operation.
        by_region: FLOPs by region, `prepare` and `predict`.
        seconds: wall-clock seconds of the whole recording, for information only.
        total_flops: all FLOPs spent, a batch cut short by the budget included.
        complete: whether all batches were answered; False where the budget ended the recording.
        error: what went wrong, or None; a recording with an error has no batches.
        unknown: FLOPs of operations that the rulebook does not list, charged at the dearest price.
        matmul_flops: the part of `total_flops` in matrix products, convolutions and attention.
    """

    method_hash: str
    question_hash: str
    target: str
    rulebook: str
    batches: tuple[ChannelBatch, ...]
    prepare_flops: int
    by_op: Mapping[str, int] = field(default_factory=dict)
    by_region: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    total_flops: int = 0
    complete: bool = True
    error: str | None = None
    unknown: Mapping[str, int] = field(default_factory=dict)
    matmul_flops: int = 0

    @property
    def channels(self) -> int:
        """How many channels the method gives; 0 where it has nothing to say."""
        return self.batches[0].channels.shape[1] if self.batches else 0

    def to_bytes(self) -> bytes:
        """Return the recording in the safetensors format, the scalar fields as JSON in its metadata."""
        arrays: dict[str, np.ndarray] = {"flops": np.array([batch.flops for batch in self.batches], dtype=np.int64)}
        for index, batch in enumerate(self.batches):
            arrays[f"rows.{index}"] = np.ascontiguousarray(batch.rows, dtype=np.int64)
            arrays[f"channels.{index}"] = np.ascontiguousarray(batch.channels, dtype=np.float32)
        scalars = {
            "format": FORMAT,
            "method_hash": self.method_hash,
            "question_hash": self.question_hash,
            "target": self.target,
            "rulebook": self.rulebook,
            "prepare_flops": self.prepare_flops,
            "by_op": dict(self.by_op),
            "by_region": dict(self.by_region),
            "seconds": self.seconds,
            "total_flops": self.total_flops,
            "complete": self.complete,
            "error": self.error,
            "unknown": dict(self.unknown),
            "matmul_flops": self.matmul_flops,
            "batches": [{"by_op": dict(batch.by_op), "matmul_flops": batch.matmul_flops} for batch in self.batches],
        }
        return save(arrays, metadata={"recording": json.dumps(scalars, sort_keys=True)})

    @classmethod
    def from_bytes(cls, content: bytes) -> Recording:
        """Return the recording that `to_bytes` wrote.

        Raises:
            CorruptDataError: the bytes are not a recording, or one of another format.
        """
        try:
            arrays = load(content)
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            scalars: dict[str, Any] = json.loads(header["__metadata__"]["recording"])
            if scalars.pop("format") != FORMAT:
                raise CorruptDataError("the recording was written by another version of istar; record it again")
            flops = arrays["flops"].tolist()
            kept = scalars.pop("batches", [{}] * len(flops))
            batches = tuple(
                ChannelBatch(arrays[f"rows.{index}"], arrays[f"channels.{index}"], int(spent), **counted)
                for index, (spent, counted) in enumerate(zip(flops, kept, strict=True))
            )
            return cls(batches=batches, **scalars)
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
            raise CorruptDataError(f"these {len(content)} bytes are not a recording: {error}") from error
