"""Kinds of what is kept: how each is written and read, and which code decides what it is.

A kind stands beside the data that it is about, as a `Kind` with an encoder and a decoder; all of them are listed here,
so that they can be shown and pruned without importing what makes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from istar.fingerprint import fingerprint
from istar.plugins import plugin_identity
from istar.storage.format import canonical

Value = TypeVar("Value")
Parts = Sequence[bytes]
"""What a file holds; each part has a checksum of its own and can be read without the others."""


@dataclass(frozen=True)
class Listed:
    """What is known of a kind without the code that makes it.

    Attributes:
        noun: what one of them is called in messages.
        about: what they are.
        share: the share of the store's bound that the kind may take.
    """

    noun: str
    about: str
    share: float = 1.0


CACHED: Mapping[str, Listed] = {
    "recordings": Listed("recording", "what methods said of questions, and what it cost them"),
    "interpretations": Listed("interpretation", "what methods learned of a target"),
    "baselines": Listed("curve", "curves of the black-box arm"),
    "curves": Listed("curve", "curves of the white-box arm"),
    # cheap to compute again for their size: they shall not drive out what took a method minutes
    "streams": Listed("streams", "standard runs, for all methods that ask for them", share=0.5),
    "costs": Listed("costs", "what forwards of a target cost"),
    "row_costs": Listed("costs", "FLOPs of brute force by operation, for other rulebooks"),
    "corpora": Listed("corpus", "generic text that methods learn from"),
    "effects": Listed("record", "what tables taught of their tasks"),
    "tokenizers": Listed("digest", "what tokenizers hash to"),
    "draws": Listed("draw", "which seeds of fresh questions were drawn for which methods"),
    "questions": Listed("hash", "hashes of the questions that families ask"),
    "scenarios": Listed("evidence", "what was run of methods to tell their scenario"),
    # learned again from the ledger, and large
    "adapters": Listed("adapter", "what language models that propose methods have learned", share=0.1),
}
"""Every kind."""


@dataclass(frozen=True)
class Kind(Generic[Value]):
    """A kind of what is kept.

    Attributes:
        name: one of `CACHED`.
        encode: returns the parts that a value is written as.
        decode: returns the value that parts were; whatever error it raises means that they are not what was written.
        code: names of our packages and modules that decide the value; they enter its key.
        libraries: names of installed packages that do.
        plugins: whether the code of a plug-in may decide the value; then their identity enters its key.
        version: of what `encode` writes; raised when that changes.
    """

    name: str
    encode: Callable[[Value], Parts]
    decode: Callable[[Parts], Value]
    code: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    plugins: bool = True
    version: int = 1

    def __post_init__(self) -> None:
        """Check that the kind is listed."""
        if self.name not in CACHED:
            raise ValueError(f"{self.name!r} is not among istar.storage.CACHED; list it there")

    @property
    def noun(self) -> str:
        """What one of them is called."""
        return CACHED[self.name].noun

    @property
    def share(self) -> float:
        """The share of the store's bound that the kind may take."""
        return CACHED[self.name].share

    def facts(self, key: Mapping[str, Any]) -> dict[str, Any]:
        """Return all that decides a value: what its key says, and the code, libraries and plug-ins there are now.

        Args:
            key: names and JSON values.
        """
        made_by = fingerprint(self.code, self.libraries, plugins=False) if self.code or self.libraries else ""
        plugins = plugin_identity() if self.plugins else ""
        return {"kind": self.name, "version": self.version, "code": made_by, "plugins": plugins, "key": dict(key)}

    def name_of(self, key: Mapping[str, Any]) -> str:
        """Return a hash of all that decides a value, 64 hexadecimal digits: what its file is called."""
        return name_of(self.facts(key))


def name_of(facts: Mapping[str, Any]) -> str:
    """Return a hash of facts, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(facts)).hexdigest()


def to_json(value: Any) -> Parts:
    """Return JSON values as the only part; see `from_json`."""
    return (json.dumps(value).encode(),)


def from_json(parts: Parts) -> Any:
    """Return the JSON values in the only part.

    Raises:
        ValueError: there is none, or it holds something else.
    """
    (part,) = parts
    return json.loads(part)


def json_kind(
    name: str, *, code: tuple[str, ...] = (), libraries: tuple[str, ...] = (), plugins: bool = True, version: int = 1
) -> Kind[Any]:
    """Return a kind whose values are JSON values."""
    return Kind(name, to_json, from_json, code, libraries, plugins, version)
