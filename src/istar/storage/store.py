"""`Store`: get, put, and nothing that a kill, another process or a changed byte could turn into another figure."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from istar.errors import CorruptDataError, IstarError
from istar.files import StorageError, check_writable, storing, write_whole
from istar.paths import home
from istar.storage.bound import bound, note_written
from istar.storage.format import FORMAT, Reading, packed
from istar.storage.kinds import Kind, Value, name_of

UNREADABLE = (IstarError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What decoding raises if something else wrote a file, checksums and all."""

_log = logging.getLogger(__name__)


def store_folder() -> Path:
    """Return the folder of what this format keeps."""
    return home() / "cache" / f"v{FORMAT}"


class Store:
    """What is kept, one file each, written whole or not at all, within a bound; processes and threads may share it.

    Args:
        folder: where; in istar's data folder by default.
        most_bytes: what it may hold, after which what was not used for longest goes; `ISTAR_CACHE_BYTES`, or the
            default, if None.

    Raises:
        StoreError: `ISTAR_CACHE_BYTES` is no size.

    Example:
        >>> store.put(CORPORA, {"target": target.id}, tokens)  # doctest: +SKIP
        >>> store.get(CORPORA, {"target": target.id})  # doctest: +SKIP
    """

    def __init__(self, folder: Path | None = None, most_bytes: int | None = None) -> None:
        """See the class docstring."""
        self.folder = store_folder() if folder is None else folder
        self.most_bytes = bound() if most_bytes is None else most_bytes

    def path(self, kind: Kind[Any], key: Mapping[str, Any]) -> Path:
        """Return the file in which a value is or would be."""
        return self._path(kind.facts(key))

    def _path(self, facts: Mapping[str, Any]) -> Path:
        name = name_of(facts)
        return self.folder / str(facts["kind"]) / name[:2] / name

    def get(self, kind: Kind[Value], key: Mapping[str, Any], only: Sequence[int] | None = None) -> Value | None:
        """Return what is kept under a key, or None if nothing is; it counts as used now.

        Args:
            kind: what it is.
            key: names and JSON values that decide it, besides the kind's code and the plug-ins.
            only: the parts to read, for kinds that can be decoded from some of them; None if one is not there.

        Raises:
            CorruptDataError: the file is not what was written.
            StorageError: it cannot be read.
        """
        facts = kind.facts(key)
        path = self._path(facts)
        with storing(path, verb="read"):
            try:
                stream = path.open("rb")
            except FileNotFoundError:
                return None
            with stream:
                try:
                    reading = Reading(stream, facts)
                    wanted = range(len(reading)) if only is None else only
                    if not all(0 <= number < len(reading) for number in wanted):
                        return None
                    value = kind.decode([reading.part(number) for number in wanted])
                except UNREADABLE as error:
                    raise CorruptDataError(
                        f"the {kind.noun} in {path} is not what was written ({error}); delete the file, "
                        "what it holds is made again"
                    ) from error
        with suppress(OSError):  # where nothing can be written nothing is dropped either
            os.utime(path)
        return value

    def put(self, kind: Kind[Value], key: Mapping[str, Any], value: Value) -> None:
        """Keep a value, in the place of an older one, and drop what was not used for longest if there is too much.

        Nothing is kept that is larger than the kind's room: with a bound of 0, nothing at all.

        Raises:
            StorageError: it cannot be written.
        """
        facts = kind.facts(key)
        pieces = packed(facts, kind.encode(value))
        size = sum(map(len, pieces))
        if size <= self.most_bytes * kind.share:
            write_whole(self._path(facts), *pieces)
            note_written(self.folder, self.most_bytes, size)

    def obtain(self, kind: Kind[Value], key: Mapping[str, Any], make: Callable[[], Value]) -> Value:
        """Return what is kept under a key, or make it, and keep it if it can be kept; see `keep`.

        Raises:
            CorruptDataError: the file is not what was written.
        """
        found = self.get(kind, key)
        if found is None:
            found = make()
            self.keep(kind, key, found)
        return found

    def keep(self, kind: Kind[Value], key: Mapping[str, Any], value: Value) -> None:
        """Keep a value that is quickly made again, if it can be kept; where it cannot, only say so."""
        try:
            self.put(kind, key, value)
        except StorageError as error:
            _log.warning("%s could not be kept: %s", f"the {kind.noun}", error)

    def check_writable(self) -> None:
        """Check that something can be kept, before long work.

        Raises:
            StorageError: it cannot.
        """
        with storing(self.folder, verb="create"):
            self.folder.mkdir(parents=True, exist_ok=True)
        check_writable(self.folder)
