"""What a session with several methods side by side needs of its parts' sessions, put together."""

from __future__ import annotations

from collections.abc import Sequence

from istar.arms.stores import KeptRecording
from istar.flops.histograms import added_up
from istar.flops.meter import MeterReading
from istar.flops.witness import together
from istar.methods.side_by_side import learned_side_by_side, recorded_side_by_side
from istar.sandbox import InterpretOutcome


def outcomes_side_by_side(parts: Sequence[InterpretOutcome]) -> InterpretOutcome:
    """Return what the `interpret` of several methods side by side gives and takes, from what theirs did.

    Raises:
        MethodError: together they are larger than an interpretation may be.
    """
    interpretation = learned_side_by_side([part.interpretation for part in parts])
    readings = [part.reading for part in parts]
    return InterpretOutcome(
        interpretation,
        content=interpretation.to_bytes(),
        reading=MeterReading(
            rulebook=readings[0].rulebook,
            flops=sum(reading.flops for reading in readings),
            matmul_flops=sum(reading.matmul_flops for reading in readings),
            by_op=added_up(*(reading.by_op for reading in readings)),
            by_region=added_up(*(reading.by_region for reading in readings)),
            unknown=added_up(*(reading.unknown for reading in readings)),
        ),
        seconds=sum(part.seconds for part in parts),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        tier=_tiers([part.tier for part in parts]),
    )


def kept_side_by_side(
    method: str, parts: Sequence[KeptRecording], *, rows: int, max_flops: int, max_rows_fraction: float
) -> KeptRecording | None:
    """Return a recording with what was seen from outside; arguments as of `recorded_side_by_side`."""
    recording = recorded_side_by_side(
        method,
        [part.recording for part in parts],
        rows=rows,
        max_flops=max_flops,
        max_rows_fraction=max_rows_fraction,
    )
    if recording is None:
        return None
    return KeptRecording(
        recording,
        witness=together([part.witness for part in parts]),
        tier=_tiers([part.tier for part in parts]),
    )


def _tiers(names: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(names))
