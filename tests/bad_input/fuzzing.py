"""Loaders, and inputs that are almost what they take: mutated valid ones, and any bytes.

Whatever a loader is given, it gives something or raises an `IstarError`. Nothing of what comes out is run.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from damage import Kind, kinds
from forged import ForgedWorker, config, table

from istar.audit import known_methods
from istar.errors import IstarError
from istar.flops import RULEBOOK, rulebook_from_json
from istar.methods.contract import Interpretation
from istar.methods.fence import FenceError, check_source
from istar.methods.library import library_methods
from istar.methods.recording import Recording
from istar.protocol.config import parse_config
from istar.questions import question_from_json
from istar.rewards.curves import curve_from_json
from istar.storage.format import packed

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, 10**400, 0.5, float("nan"), float("inf"), -0.0),
    *("", "x", "\0", "\ud800", "\u202e", "a/b", "x" * 5000, [], [[]], {}, {"": None}, [None], {"kind": "span_logprob"}),
)


@dataclass(frozen=True)
class Loader:
    """Something that takes input from outside.

    Attributes:
        name: what it loads.
        valid: valid inputs.
        load: loads one; bytes, or JSON values where the valid ones are.
    """

    name: str
    valid: tuple[Any, ...]
    load: Callable[[Any], Any]


def loaders(folder: Path) -> Iterator[Loader]:
    """Return every loader; the stores' are those of the files that `damage` writes below a folder."""
    for kind in kinds(folder):
        if kind.name != "ledger":  # whose pages are damaged in `damage`
            yield Loader(f"stored {kind.name}", (kind.path.read_bytes(),), _stored(kind.path, kind.read))
        if kind.facts is not None:
            yield Loader(f"sealed {kind.name}", kind.parts, _sealed(kind))
    recording = ForgedWorker("", "1" * 64).record(None, "3" * 64, [[0, 2], [1]], b"", max_flops=9, shelf=_NoShelf())
    yield Loader("recording", (recording.to_bytes(),), Recording.from_bytes)
    interpretation = ForgedWorker("", "1" * 64).interpret(None)
    yield Loader("interpretation", (interpretation.content,), Interpretation.from_bytes)
    sources = tuple(path.read_bytes() for path in sorted(library_methods().values())[:8])
    yield Loader("method", sources, lambda content: _fence(content.decode("utf-8", "surrogateescape")))
    settings = config().model_dump_json().encode()
    yield Loader("settings", (settings,), lambda content: parse_config(content.decode("latin-1"), "settings"))
    rules = dict(list(RULEBOOK.to_json()["rules"].items())[:5])
    prices = json.dumps({"version": "other", "rules": rules}).encode()
    yield Loader("rulebook", (prices,), lambda content: rulebook_from_json(content.decode("latin-1"), "prices"))
    yield Loader("rulebook as values", (json.loads(prices),), lambda data: rulebook_from_json(json.dumps(data), "it"))
    yield Loader("settings as values", (json.loads(settings),), lambda data: parse_config(json.dumps(data), "settings"))
    questions = tuple(table(name, 0).question.to_json() for name in ("shot_shapley/antonyms", "loss_quantile/kjv"))
    yield Loader("question", questions, question_from_json)
    yield Loader("curve", (_curve(),), curve_from_json)
    (folder / "scores.json").write_text("{}")
    scores = [{"method": "m", "tasks": [{"task": "a/b", "multipliers": {"0.5": {"estimate": 2.0}}}]}]
    yield Loader("scores", (json.dumps(scores).encode(),), _scores(folder / "scores.json"))


class _NoShelf:
    def take(self, batch: int, layer: int) -> None:
        return None


def _curve() -> dict[str, Any]:
    from fake_arms import curve
    from fake_arms import table as bare

    made = curve(bare("shot_shapley/a", 0), 0, "black_box", 0.5)
    intervals = {"stop_answer": (0.5, -2.0), "stop_half_width": (0.25, None), "stop_coverage": 1.0}
    made = replace(made, coverage=(None, *[0.5] * 8), half_width=(None, *[0.25] * 8), **intervals)
    return json.loads(json.dumps(made.to_json()))


def _stored(path: Path, read: Callable[[], Any]) -> Callable[[bytes], Any]:
    def load(content: bytes) -> Any:
        path.write_bytes(content)
        return read()

    return load


def _sealed(kind: Kind) -> Callable[[bytes], Any]:
    """Put a part in the place of one of a file of the store, with checksums that are right."""

    def load(content: bytes) -> Any:
        place = len(content) % len(kind.parts)
        parts = [content if number == place else part for number, part in enumerate(kind.parts)]
        kind.path.write_bytes(b"".join(packed(kind.facts or {}, parts)))
        return kind.read()

    return load


def _scores(path: Path) -> Callable[[bytes], Any]:
    def load(content: bytes) -> Any:
        path.write_bytes(content)
        return known_methods([path])

    return load


def _fence(source: str) -> None:
    faults = check_source(source)
    if faults:
        raise FenceError("method", faults)


def mutated(valid: Any, chance: random.Random) -> Any:
    """Return an input that is almost a valid one."""
    if isinstance(valid, bytes):
        return _mutated_bytes(valid, chance)
    copy = json.loads(json.dumps(valid))
    for _ in range(chance.randint(1, 3)):
        _mutate_values(copy, chance)
    return copy


def _mutated_bytes(valid: bytes, chance: random.Random) -> bytes:
    content = bytearray(valid)
    for _ in range(chance.choice((1, 1, 2, 8))):
        place = chance.randrange(len(content) + 1)
        way = chance.randrange(6)
        if way == 0:
            content[place : place + 1] = chance.randbytes(1)
        elif way == 1:
            del content[place : place + chance.randint(1, 64)]
        elif way == 2:
            content[place:place] = content[place : place + chance.randint(1, 64)]
        elif way == 3:
            content[place : place + 8] = chance.choice((b"\xff" * 8, bytes(8), b"\x7f" + b"\xff" * 7))
        elif way == 4:
            content[place:place] = chance.choice((b"(", b"[", b"{", b"\\u0000", b"\0", b"\xff\xfe", b"1e999"))
        else:
            del content[place:]
    return bytes(content)


def _mutate_values(data: Any, chance: random.Random) -> None:
    """Change one value, name or length somewhere in JSON values."""
    while True:
        places = list(data) if isinstance(data, dict) else list(range(len(data)))
        if not places:
            return
        place = chance.choice(places)
        if isinstance(data[place], dict | list) and data[place] and chance.random() < 0.8:
            data = data[place]
            continue
        way = chance.randrange(4)
        if way == 0:
            del data[place]
        elif way == 1 and isinstance(data, dict):
            data[chance.choice(("x", "", "kind", "\0"))] = data.pop(place)
        elif way == 2 and isinstance(data, list):
            data.append(deepcopy(data[place]))
        else:
            data[place] = deepcopy(chance.choice(VALUES))  # or a later change would be one of the value itself
        return


@dataclass
class Fuzz:
    """How inputs ended, by loader.

    Attributes:
        ends: how often an input was refused, and how often taken.
        faults: what a loader raised that is no `IstarError`: should stay empty.
    """

    ends: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def feed(self, loader: Loader, count: int, seed: int) -> None:
        """Give a loader so many inputs."""
        chance = random.Random(f"{loader.name}{seed}")
        for number in range(count):
            valid = chance.choice(loader.valid)
            arbitrary = isinstance(valid, bytes) and number % 10 == 0
            self.give(loader, chance.randbytes(chance.randrange(200)) if arbitrary else mutated(valid, chance), number)

    def give(self, loader: Loader, given: Any, number: int = 0) -> None:
        """Give a loader one input."""
        ends = self.ends.setdefault(loader.name, Counter())
        try:
            loader.load(given)
        except IstarError:
            ends["refused"] += 1
        except BaseException as error:
            self.faults.append(f"{loader.name} {number}: {type(error).__name__}: {str(error)[:200]}")
        else:
            ends["taken"] += 1

    def result(self) -> dict[str, object]:
        """Return the counts as JSON values."""
        by_loader = {name: dict(ends) for name, ends in self.ends.items()}
        return {"tried": sum(ends.total() for ends in self.ends.values()), "ends": by_loader, "faults": self.faults}
