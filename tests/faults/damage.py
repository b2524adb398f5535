"""Damaging what is stored, and looking how that ends: an error that names the file, or what was written; nothing else.

Each kind of file knows how to be written and how to be read back into something that can be compared.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from forged import ForgedWorker, table
from ledger_records import fill

from istar.arms.stores import BASELINES, RECORDINGS, KeptRecording
from istar.arms.streams import STREAMS
from istar.errors import IstarError
from istar.flops.witness import Witness
from istar.ledger import Ledger
from istar.sandbox import INTERPRETATIONS
from istar.storage import Kind as StoredKind
from istar.storage import Store
from istar.targets.corpus import CORPORA
from istar.targets.standard_runs import Replayed, StreamBill
from istar.truth import ParquetStore
from istar.truth import build as building

METHOD, QUESTION = "1" * 64, "3" * 64


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: what it is.
        path: a file of the kind, as it was written.
        read: reads it, into something that can be compared.
        parts: of a file of the store, what it was written as.
        facts: of a file of the store, what decides its content.
    """

    name: str
    path: Path
    read: Callable[[], Any]
    parts: tuple[bytes, ...] = ()
    facts: dict[str, Any] | None = None


def kinds(folder: Path) -> Iterator[Kind]:
    """Write one file of every kind below a folder; all of the store's differ in how they are encoded."""
    yield from (_recording(folder), _interpretation(folder), _curve(folder), _streams(folder), _table(folder))
    yield from (_pieces(folder), _values(folder), _ledger(folder))


def _stored(name: str, folder: Path, kind: StoredKind[Any], value: Any, comparable: Callable[[Any], Any]) -> Kind:
    """Put a value into a store, and get it out again."""
    store, key = Store(folder / "cache"), {"question": QUESTION, "share": 0.5}
    store.put(kind, key, value)

    def read() -> Any:
        found = store.get(kind, key)
        return None if found is None else comparable(found)

    return Kind(name, store.path(kind, key), read, tuple(kind.encode(value)), kind.facts(key))


def _recording(folder: Path) -> Kind:
    made = ForgedWorker("", METHOD).record(None, QUESTION, [[0, 2], [1]], b"", max_flops=9, shelf=_NoShelf())
    kept = KeptRecording(made, Witness(1.5, {"between operations": 0.25}, 2.0), "bubblewrap")
    return _stored(
        "recording", folder, RECORDINGS, kept, lambda found: {**vars(found), "recording": found.recording.to_bytes()}
    )


class _NoShelf:
    def take(self, batch: int, layer: int) -> None:
        return None


def _interpretation(folder: Path) -> Kind:
    made = ForgedWorker("", METHOD).interpret(None)
    return _stored(
        "interpretation", folder, INTERPRETATIONS, made, lambda found: {**vars(found), "interpretation": None}
    )


def _curve(folder: Path) -> Kind:
    from fake_arms import curve
    from fake_arms import table as bare

    return _stored("curve", folder, BASELINES, curve(bare("shot_shapley/a", 0), 0, "black_box", 1 / 3), vars)


def _streams(folder: Path) -> Kind:
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    made = [Replayed(layer, StreamBill({"mm": number}, number)) for number, layer in enumerate(values)]

    def comparable(found: Any) -> Any:
        return [(each.values.tobytes(), each.values.shape, each.bill) for each in found]

    return _stored("streams", folder, STREAMS, made, comparable)


def _table(folder: Path) -> Kind:
    store, made = ParquetStore(folder / "truth"), table("shot_shapley/antonyms", 0)
    store.write(made)

    def read() -> Any:
        (digest,) = store.digests()
        found = store.read(made.key)
        facts = (digest.key, digest.target_name, digest.rows, digest.brute_flops, digest.dearest_run_flops)
        return (
            *(*facts, digest.answer.tobytes(), digest.noise.tobytes(), digest.reliability),
            *(found.question.hash, found.values.tobytes(), found.provenance),
            *(array.tobytes() for array in found.prices.to_arrays().values()),
        )

    return Kind("table", store.path(made.key), read)


def _pieces(folder: Path) -> Kind:
    place, before = folder / "unfinished", building.SECONDS_BETWEEN_PIECES
    pieces = building.Pieces(place, 40)
    pieces.values[:30] = np.random.default_rng(1).normal(size=30)
    building.SECONDS_BETWEEN_PIECES = 0.0
    pieces.keep()
    building.SECONDS_BETWEEN_PIECES = before
    return Kind("unfinished table", next(place.glob("*.npz")), lambda: bytes(building.Pieces(place, 40).values))


def _values(folder: Path) -> Kind:
    return _stored("corpus", folder, CORPORA, [[1, 2, 3], [4, 5, 6]], list)


def _ledger(folder: Path) -> Kind:
    path = folder / "ledger.sqlite"
    with Ledger(path) as ledger:
        fill(ledger)
        ledger.add_opening("run", "test", method="m", iteration=0, revealed=True, value=0.5)

    def read() -> Any:
        with Ledger(path) as ledger:
            seconds = [each.spending for each in ledger.evaluations("run")]
            return list(ledger.export("run")), ledger.runs(), seconds, ledger.rounds("run"), ledger.curves("run")

    return Kind("ledger", path, read)


def damages(content: bytes, chance: random.Random) -> Iterator[bytes]:
    """Yield the content of a file, damaged in one way after another, without end."""
    used = [place for place, byte in enumerate(content) if byte]  # databases are half empty
    while True:
        damaged = bytearray(content)
        place = chance.choice(used)
        way = chance.randrange(8)
        if way < 5:
            damaged[place] ^= 1 << chance.randrange(8)
        elif way == 5:
            del damaged[place:]
        elif way == 6:
            damaged[place : place + 512] = bytes(len(damaged[place : place + 512]))
        else:
            damaged[place : place + 16] = chance.randbytes(len(damaged[place : place + 16]))
        yield bytes(damaged)


@dataclass
class Damage:
    """How damage ended, by kind of file.

    Attributes:
        ends: how often it ended as an error, or unnoticed in bytes that say nothing.
        faults: what ended otherwise: should stay empty.
    """

    ends: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def inflict(self, kind: Kind, count: int, seed: int) -> None:
        """Damage a file in so many ways and read it each time."""
        whole, ends = kind.path.read_bytes(), self.ends.setdefault(kind.name, Counter())
        written = kind.read()
        ways = damages(whole, random.Random(f"{kind.name}{seed}"))
        for number in range(count):
            kind.path.write_bytes(next(ways))
            try:
                same = kind.read() == written
            except IstarError as error:
                ends["error"] += 1
                if kind.path.name not in str(error) and kind.path.parent.name not in str(error):
                    self.faults.append(f"{kind.name} {number}: the error does not name the file: {error}")
            except BaseException as error:
                self.faults.append(f"{kind.name} {number}: {type(error).__name__}: {error}")
            else:
                ends["unchanged"] += same
                if not same:
                    self.faults.append(f"{kind.name} {number}: something else than was written was read")
        kind.path.write_bytes(whole)

    def result(self) -> dict[str, object]:
        """Return the counts as JSON values."""
        by_kind = {name: dict(ends) for name, ends in self.ends.items()}
        return {"damaged": sum(ends.total() for ends in self.ends.values()), "ends": by_kind, "faults": self.faults}
