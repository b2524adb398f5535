"""What a search keeps on disk beside the ledger, so that no search does it again: recordings and curves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from istar.arms.settings import Caps
from istar.flops.witness import Witness
from istar.methods.recording import Recording
from istar.rewards.curves import Curve, curve_from_json
from istar.storage import Kind, Parts, from_json, to_json


@dataclass(frozen=True)
class RecordingKey:
    """What a recording depends on, besides plug-ins, which may hold readouts, interventions and architectures.

    Attributes:
        method: hash of the method's source and of the tools it imports (`istar.methods.filing`).
        question: hash of the question.
        target: id of the target.
        corpus: hash of the corpus its interpretation was learned from.
        rulebook: version of the rulebook.
        seed: seeds torch's random numbers.
        caps: how much of the question the method might look at.
    """

    method: str
    question: str
    target: str
    corpus: str
    rulebook: str
    seed: int
    caps: Caps

    @property
    def facts(self) -> dict[str, Any]:
        """The key as JSON values; seconds are left out: a recording that took too long was never kept."""
        return {**vars(self), "caps": (self.caps.rows_fraction, self.caps.flops_fraction)}

    @property
    def name(self) -> str:
        """A hash of the key and the plug-ins there are."""
        return RECORDINGS.name_of(self.facts)


@dataclass(frozen=True)
class KeptRecording:
    """A recording with what was seen of the worker from outside.

    Attributes:
        recording: the recording.
        witness: what the worker's processor time says of it.
        tier: the tier of isolation it ran under.
    """

    recording: Recording
    witness: Witness
    tier: str


def _encode_recording(kept: KeptRecording) -> Parts:
    outside = {"witness": kept.witness.to_json(), "tier": kept.tier}
    return json.dumps(outside).encode(), kept.recording.to_bytes()


def _decode_recording(parts: Parts) -> KeptRecording:
    outside, recording = json.loads(parts[0]), parts[1]
    return KeptRecording(Recording.from_bytes(recording), Witness.from_json(outside["witness"]), outside["tier"])


RECORDINGS = Kind("recordings", _encode_recording, _decode_recording, version=2)
"""What a method said of a question."""


def _curves(name: str) -> Kind[Curve]:
    """Return a kind of curves: its code decides one beside the executor, which says for itself what does."""
    code = (
        *("istar.executors.executor", "istar.executors.history", "istar.executors.market", "istar.questions"),
        *("istar.flops", "istar.rewards", "istar.methods.recording", "istar.truth.effects", "istar.truth.table"),
        *("istar.arms.replays", "istar.seeds"),
    )
    libraries = ("numpy", "scipy", "torch")
    return Kind(
        name, lambda curve: to_json(curve.to_json()), lambda parts: curve_from_json(from_json(parts)), code, libraries
    )


BASELINES = _curves("baselines")
"""A curve of the black-box arm on a question."""
CURVES = _curves("curves")
"""A curve of the white-box arm on a question."""
