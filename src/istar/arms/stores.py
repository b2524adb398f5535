"""What a search keeps on disk beside the ledger, so that no search does it again: recordings and curves.

Every file is written whole or not at all, and named by a hash of all that decides its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from istar import paths
from istar.arms.settings import Caps
from istar.errors import CorruptDataError
from istar.files import checksum, read_checked_json, storing, write_checked_json, write_whole
from istar.methods.recording import Recording
from istar.plugins import plugin_identity
from istar.rewards.curves import Curve, CurveError, curve_from_json


@dataclass(frozen=True)
class RecordingKey:
    """What a recording depends on.

    Attributes:
        method: hash of the method's source.
        question: hash of the question.
        target: id of the target.
        corpus: hash of the corpus its interpretation was learned from.
        rulebook: version of the rulebook.
        seed: seeds torch's random numbers.
        caps: how much of the question the method might look at.
        plugins: identity of the plug-ins in force, which may hold readouts, interventions and architectures.
    """

    method: str
    question: str
    target: str
    corpus: str
    rulebook: str
    seed: int
    caps: Caps
    plugins: str = field(default_factory=plugin_identity)

    @property
    def name(self) -> str:
        """The name of the file."""
        # seconds are left out: a recording that took too long was never kept
        caps = (self.caps.rows_fraction, self.caps.flops_fraction)
        # without plug-ins nothing is added, so that what was recorded without is found by whoever has none
        plugins = (self.plugins,) if self.plugins else ()
        parts = (self.method, self.question, self.target, self.corpus, self.rulebook, self.seed, caps, *plugins)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class KeptRecording:
    """A recording with what was seen of the worker from outside.

    Attributes:
        recording: the recording.
        cpu_seconds: the worker's processor time.
        unexplained_cpu_seconds: processor time that the metered FLOPs do not explain.
        tier: the tier of isolation it ran under.
    """

    recording: Recording
    cpu_seconds: float
    unexplained_cpu_seconds: float
    tier: str


class RecordingStore:
    """Recordings in a folder, one file each.

    Args:
        folder: where; istar's data folder by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """See the class docstring."""
        self.folder = folder or paths.cache("recordings")

    def path(self, key: RecordingKey) -> Path:
        """Return the file in which a recording is or would be."""
        return self.folder / key.name[:2] / f"{key.name}.recording"

    def load(self, key: RecordingKey) -> KeptRecording | None:
        """Return a recording, or None if it is not here.

        Raises:
            CorruptDataError: the file is not what was written.
        """
        path = self.path(key)
        with storing(path, verb="read"):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            kept = _kept(content)
        except (CorruptDataError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CorruptDataError(f"the recording in {path} is not what was written ({error}); delete it") from error
        recording = kept.recording
        if (recording.method_hash, recording.question_hash, recording.target) != (key.method, key.question, key.target):
            raise CorruptDataError(f"the recording in {path} is of another method, question or target; delete it")
        return kept

    def save(self, key: RecordingKey, kept: KeptRecording) -> None:
        """Write a recording."""
        body = kept.recording.to_bytes()
        outside = {name: value for name, value in vars(kept).items() if name != "recording"}
        head = json.dumps({**outside, "checksum": _checksum(outside, body)})
        write_whole(self.path(key), head.encode() + b"\n" + body)


def _kept(content: bytes) -> KeptRecording:
    """Return the recording in a file's content; whatever is wrong with it is an error of some kind."""
    head, separator, body = content.partition(b"\n")
    outside = json.loads(head)
    if not separator:
        raise CorruptDataError("it ends too early")
    if "sha256" in outside:  # a checksum of the body alone
        stored, actual = outside.pop("sha256"), checksum(body)
    else:
        stored = outside.pop("checksum")
        actual = _checksum(outside, body)
    if stored != actual:
        raise CorruptDataError("its checksum is wrong")
    return KeptRecording(Recording.from_bytes(body), **outside)


def _checksum(outside: dict[str, Any], body: bytes) -> str:
    return checksum(json.dumps(outside, sort_keys=True).encode() + b"\n" + body)


class CurveStore:
    """Curves of either arm in a folder, one file a question.

    Args:
        folder: where.
    """

    def __init__(self, folder: Path) -> None:
        """See the class docstring."""
        self.folder = folder

    def load(self, key: Sequence[str | int | float]) -> tuple[Curve, ...] | None:
        """Return the curves kept under a key, or None if there are none.

        Raises:
            CorruptDataError: the file is not what was written.
        """
        path = self._path(key)
        found = read_checked_json(path)
        if found is None:
            return None
        try:
            return tuple(curve_from_json(data) for data in found)
        except (TypeError, CurveError) as error:
            raise CorruptDataError(f"the curves in {path} are not what was written ({error}); delete it") from error

    def save(self, key: Sequence[str | int | float], curves: Sequence[Curve]) -> None:
        """Write the curves of a key."""
        write_checked_json(self._path(key), [asdict(curve) for curve in curves])

    def _path(self, key: Sequence[str | int | float]) -> Path:
        name = hashlib.sha256(json.dumps(list(key)).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.curves"
