"""The bound of the store, and who goes first: what was not used for longest.

A file's time of change is when it was last used. Processes that drop files at the same moment drop the same ones, so no
lock is needed: each looks for itself, and what another has dropped or used meanwhile is left alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from istar.errors import IstarError
from istar.files import PARTIAL
from istar.storage.kinds import CACHED

VARIABLE = "ISTAR_CACHE_BYTES"
DEFAULT = 32 * 2**30
"""The bytes that the store may hold where nobody says otherwise."""
LOOKS = 32
"""A process looks how much there is at its first write, and whenever it has written so manieth a part of the bound."""

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12} | {
    **{"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


class StoreError(IstarError):
    """A size, age or kind that is none."""


def parse_size(text: str, what: str) -> int:
    """Return a number of bytes, such as `20GB`, `1.5GiB` or `1000000`.

    Args:
        text: the size.
        what: what it is the size of, for messages.

    Raises:
        StoreError: it is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    unit = None if found is None else _UNITS.get(found[2].lower())
    if found is None or unit is None:
        raise StoreError(
            f"{what} is {text!r}, which is no size; give a number of bytes with kB, MB, GB, TB, KiB, MiB, GiB, TiB or "
            "nothing after it, such as 20GB"
        )
    return round(float(found[1]) * unit)


def bound() -> int:
    """Return how many bytes the store may hold.

    Raises:
        StoreError: `ISTAR_CACHE_BYTES` is no size.
    """
    text = os.environ.get(VARIABLE)
    return parse_size(text, f"the environment variable {VARIABLE}") if text else DEFAULT


@dataclass(frozen=True)
class Entry:
    """A file that is kept.

    Attributes:
        path: the file.
        bytes: its size.
        used: when it was last used, in seconds since 1970.
    """

    path: Path
    bytes: int
    used: float


def entries(folder: Path, pattern: str = "*") -> Iterator[Entry]:
    """Yield the files anywhere below a folder, without those that are being written."""
    for path in folder.rglob(pattern):
        with suppress(OSError):  # dropped meanwhile
            stat = path.stat()
            if path.is_file() and not path.name.endswith(PARTIAL):
                yield Entry(path, stat.st_size, stat.st_mtime)


def unused_longest(found: Iterable[Entry], most_bytes: float) -> list[Entry]:
    """Return which files go, those first that were not used for longest, so that the others take so many bytes."""
    going: list[Entry] = []
    ordered = sorted(found, key=lambda each: each.used)
    size = sum(each.bytes for each in ordered)
    for each in ordered:
        if size <= most_bytes:
            break
        going.append(each)
        size -= each.bytes
    return going


def over_bound(kinds: Mapping[str, Sequence[Entry]], most_bytes: float) -> list[Entry]:
    """Return which files go so that each kind keeps to its share, and all together to the bound.

    Args:
        kinds: what there is, by kind.
        most_bytes: the bound.
    """
    going: list[Entry] = []
    kept: list[Entry] = []
    for name, found in kinds.items():
        share = CACHED[name].share if name in CACHED else 1.0
        over = unused_longest(found, share * most_bytes)
        gone = {each.path for each in over}
        going += over
        kept += [each for each in found if each.path not in gone]
    return going + unused_longest(kept, most_bytes)


def drop(each: Entry) -> bool:
    """Delete a file, unless it was used or deleted meanwhile; return whether it was."""
    with suppress(FileNotFoundError):
        if each.path.stat().st_mtime == each.used:
            each.path.unlink()
            return True
    return False


_written: dict[Path, int] = {}
"""Bytes that this process has written to a store's folder since it looked how much is there."""
_LOCK = Lock()


def note_written(folder: Path, most_bytes: int, size: int) -> None:
    """Note that something was written to a store, and drop what is too much if it is time to look."""
    with _LOCK:
        since = _written.get(folder, most_bytes) + size
        look = since >= most_bytes / LOOKS
        _written[folder] = 0 if look else since
    if look:
        for each in over_bound(by_kind(folder), most_bytes):
            with suppress(OSError):  # what may not be deleted stays
                drop(each)


def by_kind(folder: Path) -> dict[str, list[Entry]]:
    """Return the files of a store by kind."""
    places = sorted(place for place in folder.iterdir() if place.is_dir()) if folder.is_dir() else []
    return {place.name: list(entries(place)) for place in places}
