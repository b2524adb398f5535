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
from forged import TARGET, ForgedWorker, table
from ledger_records import fill

from istar.arms.settings import Caps
from istar.arms.stores import CurveStore, KeptRecording, RecordingKey, RecordingStore
from istar.arms.streams import StreamStore
from istar.errors import IstarError
from istar.files import read_checked_json, write_checked_json
from istar.ledger import Ledger
from istar.sandbox import InterpretationKey, InterpretationStore
from istar.targets.standard_runs import Bill, StandardRun
from istar.truth import ParquetStore
from istar.truth import build as building

METHOD, CORPUS, QUESTION = "1" * 64, "2" * 64, "3" * 64


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: what it is.
        path: a file of the kind, as it was written.
        read: reads it, into something that can be compared.
    """

    name: str
    path: Path
    read: Callable[[], Any]


def kinds(folder: Path) -> Iterator[Kind]:
    """Write one file of every kind below a folder."""
    yield from (_recording(folder), _interpretation(folder), _curves(folder), _streams(folder), _table(folder))
    yield from (_pieces(folder), _checked(folder), _ledger(folder))


def _recording(folder: Path) -> Kind:
    store, key = RecordingStore(folder), RecordingKey(METHOD, QUESTION, TARGET, CORPUS, "v1", 0, Caps())
    made = ForgedWorker("", METHOD).record(None, QUESTION, [[0, 2], [1]], b"", max_flops=9, shelf=_NoShelf())
    store.save(key, KeptRecording(made, 1.5, 0.25, "bubblewrap"))

    def read() -> Any:
        kept = store.load(key)
        return kept and (kept.recording.to_bytes(), kept.cpu_seconds, kept.unexplained_cpu_seconds, kept.tier)

    return Kind("recording", store.path(key), read)


class _NoShelf:
    def take(self, batch: int, layer: int) -> None:
        return None


def _interpretation(folder: Path) -> Kind:
    store, key = InterpretationStore(folder / "interpretations"), InterpretationKey(METHOD, TARGET, CORPUS)
    store.save(key, ForgedWorker("", METHOD).interpret(None))

    def read() -> Any:
        found = store.load(key)
        return found and (found.content, found.reading, found.seconds, found.cpu_seconds, found.tier)

    return Kind("interpretation", store.path(key), read)


def _curves(folder: Path) -> Kind:
    from fake_arms import curve
    from fake_arms import table as bare

    store, key = CurveStore(folder / "curves"), ("black_box", QUESTION, 0.5)
    store.save(key, [curve(bare("shot_shapley/a", 0), seed, "black_box", 1 / 3) for seed in range(2)])
    return Kind("curves", next((folder / "curves").rglob("*.curves")), lambda: store.load(key))


def _streams(folder: Path) -> Kind:
    store = StreamStore(folder / "streams")
    path = store.path((QUESTION,))
    values = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    store.save(path, StandardRun(values, tuple(Bill({"mm": layer}, layer) for layer in range(3))))

    def read() -> Any:
        found = [store.take(path, layer) for layer in range(3)]
        return [each and (each.values.tobytes(), each.values.shape, each.bill) for each in found]

    return Kind("streams", path, read)


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


def _checked(folder: Path) -> Kind:
    path = folder / "some.corpus"
    write_checked_json(path, [[1, 2, 3], [4, 5, 6]])
    return Kind("corpus, costs, calibration", path, lambda: read_checked_json(path))


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
