"""What a search keeps on disk beside the ledger, so that no search does it again: recordings and curves.

Every file is written whole or not at all, and named by a hash of all that decides its content.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from istar import paths
from istar.errors import CorruptDataError
from istar.methods.recording import Recording
from istar.protocol.config import Caps
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
    """

    method: str
    question: str
    target: str
    corpus: str
    rulebook: str
    seed: int
    caps: Caps

    @property
    def name(self) -> str:
        """The name of the file."""
        # seconds are left out: a recording that took too long was never kept
        caps = (self.caps.rows_fraction, self.caps.flops_fraction)
        parts = (self.method, self.question, self.target, self.corpus, self.rulebook, self.seed, caps)
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
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        head, separator, body = content.partition(b"\n")
        try:
            outside = json.loads(head)
            if not separator or outside.pop("sha256") != hashlib.sha256(body).hexdigest():
                raise CorruptDataError("its hash is wrong")
            return KeptRecording(Recording.from_bytes(body), **outside)
        except (CorruptDataError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptDataError(f"the recording in {path} is not what was written ({error}); delete it") from error

    def save(self, key: RecordingKey, kept: KeptRecording) -> None:
        """Write a recording."""
        body = kept.recording.to_bytes()
        outside = {name: value for name, value in vars(kept).items() if name != "recording"}
        head = json.dumps({**outside, "sha256": hashlib.sha256(body).hexdigest()})
        write_whole(self.path(key), head.encode() + b"\n" + body)


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
        try:
            return tuple(curve_from_json(data) for data in json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, CurveError) as error:
            raise CorruptDataError(f"the curves in {path} are not what was written ({error}); delete it") from error

    def save(self, key: Sequence[str | int | float], curves: Sequence[Curve]) -> None:
        """Write the curves of a key."""
        write_whole(self._path(key), json.dumps([asdict(curve) for curve in curves]).encode())

    def _path(self, key: Sequence[str | int | float]) -> Path:
        name = hashlib.sha256(json.dumps(list(key)).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.json"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is never seen, and never left behind, half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
