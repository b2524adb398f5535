"""Interpretations on disk: built once per method, target, corpus and rulebook, then found again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from istar import paths
from istar.errors import CorruptDataError
from istar.files import checksum, storing, write_whole
from istar.flops.meter import meter_reading_from_json
from istar.flops.rulebook import RULEBOOK
from istar.methods.contract import INTERPRETATION_BYTES_LIMIT, Interpretation, MethodError
from istar.plugins import plugin_identity
from istar.sandbox.client import InterpretOutcome, Worker
from istar.sandbox.wire.frames import Frame, FrameCaps, FrameError, frame_bytes, read_frame

if TYPE_CHECKING:
    from istar.targets.corpus import Corpus

_CAPS = FrameCaps(header_bytes=2**24, array_bytes=INTERPRETATION_BYTES_LIMIT + 2**20, arrays=1)
_FIELDS = {"key", "sha256", "reading", "seconds", "cpu_seconds", "unexplained_cpu_seconds", "tier"}


@dataclass(frozen=True)
class InterpretationKey:
    """What an interpretation depends on.

    Attributes:
        method: hash of the method's source.
        target: id of the target.
        corpus: hash of the corpus.
        rulebook: version of the rulebook its FLOPs were counted under.
        seed: the seed it was built with.
        plugins: identity of the plug-ins in force, which may hold architectures and interventions.
    """

    method: str
    target: str
    corpus: str
    rulebook: str = RULEBOOK.version
    seed: int = 0
    plugins: str = field(default_factory=plugin_identity)

    @property
    def name(self) -> str:
        """The name of the file."""
        return hashlib.sha256("\n".join(map(str, self.parts.values())).encode()).hexdigest()

    @property
    def parts(self) -> dict[str, str | int]:
        """The parts by name; without plug-ins there is no such part."""
        return {name: part for name, part in asdict(self).items() if name != "plugins" or part}


class InterpretationStore:
    """Interpretations in a folder, one file each, written whole or not at all.

    Args:
        folder: where; istar's data folder by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """See the class docstring."""
        self.folder = folder or paths.cache("interpretations")

    def path(self, key: InterpretationKey) -> Path:
        """Return the file in which an interpretation is or would be."""
        return self.folder / f"{key.name}.interpretation"

    def load(self, key: InterpretationKey) -> InterpretOutcome | None:
        """Return an interpretation with what it cost when it was built, or None if it is not here.

        Raises:
            CorruptDataError: the file is not what was written.
        """
        path = self.path(key)
        with storing(path, verb="read"):
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                return None
        try:
            frame = read_frame(descriptor, _CAPS)
            content = frame.arrays["content"].tobytes()
            _check(key, frame.fields, content)
            return InterpretOutcome(
                interpretation=Interpretation.from_bytes(content),
                content=content,
                reading=meter_reading_from_json(frame.fields["reading"]),
                seconds=float(frame.fields["seconds"]),
                cpu_seconds=float(frame.fields["cpu_seconds"]),
                unexplained_cpu_seconds=float(frame.fields["unexplained_cpu_seconds"]),
                tier=str(frame.fields["tier"]),
            )
        except (FrameError, MethodError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptDataError(
                f"the interpretation in {path} is not what was written ({error}); delete the file, it is made again"
            ) from error
        finally:
            os.close(descriptor)

    def save(self, key: InterpretationKey, outcome: InterpretOutcome) -> None:
        """Write an interpretation."""
        fields = {
            "key": key.parts,
            "sha256": hashlib.sha256(outcome.content).hexdigest(),
            "reading": outcome.reading.to_json(),
            "seconds": outcome.seconds,
            "cpu_seconds": outcome.cpu_seconds,
            "unexplained_cpu_seconds": outcome.unexplained_cpu_seconds,
            "tier": outcome.tier,
        }
        frame = Frame(
            "interpretation",
            {**fields, "checksum": _checksum(fields)},
            {"content": np.frombuffer(outcome.content, np.uint8)},
        )
        write_whole(self.path(key), frame_bytes(frame))

    def obtain(self, worker: Worker, corpus: Corpus, seed: int = 0) -> InterpretOutcome:
        """Return a worker's interpretation: from the folder, or built now and kept.

        Raises:
            MethodError: `interpret` failed.
            CorruptDataError: the file is not what was written.
        """
        key = InterpretationKey(worker.method_hash, worker.target_id, corpus.hash, seed=seed)
        found = self.load(key)
        if found is None:
            found = worker.interpret(corpus, seed)
            self.save(key, found)
        return found


def _check(key: InterpretationKey, fields: Mapping[str, Any], content: bytes) -> None:
    """Check that a file's fields and content are those written under a key.

    Raises:
        ValueError: they are not.
    """
    others = {name: value for name, value in fields.items() if name != "checksum"}
    # a file may lack the checksum over its fields, and nothing else
    if "checksum" in fields and fields["checksum"] != _checksum(others):
        raise ValueError("the checksum of its fields is wrong")
    if set(others) != _FIELDS:
        raise ValueError(f"its fields are {', '.join(sorted(others))}")
    if others["sha256"] != hashlib.sha256(content).hexdigest():
        raise ValueError("the hash of its content is wrong")
    if others["key"] != key.parts:
        raise ValueError("it was built by another method, or on another target or corpus")


def _checksum(fields: Mapping[str, Any]) -> str:
    return checksum(json.dumps(fields, sort_keys=True).encode())
