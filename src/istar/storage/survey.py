"""What istar's data folder holds, by kind, and dropping what nobody needs.

Besides what the store keeps there are data that were built dearly, which go only if they are asked for by their kind,
and what other versions of istar left, which this one does not read.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from istar.files import storing, sweep
from istar.paths import home
from istar.storage.bound import Entry, StoreError, bound, by_kind, drop, entries, over_bound, unused_longest
from istar.storage.kinds import CACHED
from istar.storage.store import store_folder

Role = Literal["cache", "data", "left by another version"]

OTHER = "other-versions"
"""The kind of what other versions left."""
DATA: Mapping[str, str] = {
    "truth": "truth tables that were built here",
    "truth-unfinished": "values of truth tables under construction",
    "targets": "converted targets",
}
"""What is no cache, by folder: it is shown, and goes only if asked for by name."""
EARLIER: Mapping[str, Sequence[str]] = {
    "recordings": ("*.recording",),
    "interpretations": ("*.interpretation",),
    "baselines": ("*.curves",),
    "curves": ("*.curves",),
    "streams": ("*.streams", "*.wanted"),
    "costs": ("*.costs", "*.costs-by-op", "rows/*.json"),
    "corpora": ("*.corpus",),
    "calibration": ("*.records",),
    "questions": ("*.hashes",),
    "tokenizers": ("*.digest",),
}
"""Where versions before the store kept what, below the data folder."""
SECONDS_OF_A_DAY = 86400


@dataclass(frozen=True)
class Usage:
    """What there is of a kind.

    Attributes:
        kind: its name.
        about: what it is.
        role: whether it may be dropped without being asked for.
        entries: how many there are.
        bytes: how much they take.
        oldest: when the one was last used that was not used for longest, in seconds since 1970; None if there is none.
        newest: when one was last used.
    """

    kind: str
    about: str
    role: Role
    entries: int
    bytes: int
    oldest: float | None
    newest: float | None

    @classmethod
    def of(cls, kind: str, found: Sequence[Entry]) -> Usage:
        """Return what some entries of a kind come to."""
        role: Role = "cache" if kind in CACHED else "data" if kind in DATA else "left by another version"
        about = CACHED[kind].about if kind in CACHED else DATA.get(kind, "what this version does not read")
        used = [each.used for each in found]
        size = sum(each.bytes for each in found)
        return cls(kind, about, role, len(found), size, min(used, default=None), max(used, default=None))


def held() -> dict[str, list[Entry]]:
    """Return every entry in istar's data folder, by kind, in the order in which kinds are shown."""
    root, place = home(), store_folder()
    kept = by_kind(place)
    found = {name: kept.pop(name, []) for name in CACHED}
    found |= {name: list(_folders(root / name) if name == "targets" else entries(root / name)) for name in DATA}
    others = [each for theirs in kept.values() for each in theirs]
    others += [each for each in entries(place.parent) if place not in each.path.parents]
    others += [each for name, patterns in EARLIER.items() for each in _matching(root / name, patterns)]
    return {**found, OTHER: others}


def _matching(folder: Path, patterns: Sequence[str]) -> Iterator[Entry]:
    for pattern in patterns:
        yield from entries(folder, pattern)


def _folders(folder: Path) -> Iterator[Entry]:
    """Yield the folders in one as entries: a part of a model is none."""
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        files = list(entries(place))
        if files:
            yield Entry(place, sum(each.bytes for each in files), max(each.used for each in files))


def survey() -> list[Usage]:
    """Return what there is of every kind."""
    return [Usage.of(kind, found) for kind, found in held().items()]


def check_kinds(kinds: Collection[str]) -> None:
    """Check that there are such kinds.

    Raises:
        StoreError: there is none of a name.
    """
    known = (*CACHED, *DATA, OTHER)
    for kind in kinds:
        if kind not in known:
            raise StoreError(f"there is no kind {kind!r} in the cache; there are {', '.join(known)}")


def prune(
    kinds: Collection[str] = (), *, to: int | None = None, unused_for: float | None = None, dry_run: bool = False
) -> list[Usage]:
    """Drop what is chosen and return what that was, by kind.

    What other versions left goes whenever it is among the kinds and old enough. Of the rest goes what was not used for
    so long, and then what was not used for longest. If neither a size nor an age is given, kinds that are named go
    whole, and without names the store is held to its bound.

    Args:
        kinds: which; all but data if none is named.
        to: how many bytes may be left of them.
        unused_for: days without use after which something goes.
        dry_run: whether to drop nothing and only say what would be.

    Raises:
        StoreError: a kind or an age is none.
        StorageError: something cannot be deleted; what went before is gone.
    """
    check_kinds(kinds)
    if unused_for is not None and not (math.isfinite(unused_for) and unused_for >= 0):
        raise StoreError(f"{unused_for:g} is no number of days; give 0 or more")
    chosen = {kind: found for kind, found in held().items() if (kind in kinds if kinds else kind not in DATA)}
    going = _going(chosen, bool(kinds), to, unused_for)
    if not dry_run:
        for each in (each for theirs in going.values() for each in theirs):
            with storing(each.path, verb="delete"):
                if each.path.is_dir():
                    shutil.rmtree(each.path)
                else:
                    drop(each)
        _tidy([home() / name for name in EARLIER])
        sweep(home())
    return [Usage.of(kind, theirs) for kind, theirs in going.items() if theirs]


def _going(
    chosen: Mapping[str, list[Entry]], named: bool, to: int | None, unused_for: float | None
) -> dict[str, list[Entry]]:
    """Return what goes, by kind."""
    left = {kind: list(found) for kind, found in chosen.items()}
    going: dict[str, list[Entry]] = {kind: [] for kind in chosen}

    def go(entries: Collection[Entry]) -> None:
        paths = {each.path for each in entries}
        for kind, found in left.items():
            going[kind] += [each for each in found if each.path in paths]
            left[kind] = [each for each in found if each.path not in paths]

    if unused_for is not None:
        since = time.time() - unused_for * SECONDS_OF_A_DAY
        go([each for found in left.values() for each in found if each.used < since])
    else:
        go(left.get(OTHER, ()))
    if to is not None:
        go(unused_longest((each for found in left.values() for each in found), to))
    elif unused_for is None and named:
        go([each for found in left.values() for each in found])
    elif unused_for is None:
        go(over_bound(left, bound()))
    return going


def _tidy(folders: Sequence[Path]) -> None:
    """Delete folders in which nothing is left; nobody of this version writes there."""
    for folder in folders:
        for place in sorted((each for each in folder.rglob("*") if each.is_dir()), reverse=True):
            with suppress(OSError):
                place.rmdir()
        with suppress(OSError):
            folder.rmdir()
