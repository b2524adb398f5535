"""Standard runs kept on disk, for all methods of a search: see `istar.targets.standard_runs`.

A batch is computed when a second method asks for it, so that scoring a single method costs nothing more. What was not
used for longest is dropped when the folder grows over its bound.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Int

from istar import paths
from istar.errors import CorruptDataError
from istar.files import checksum, storing, write_whole
from istar.targets.standard_runs import Bill, Replayed, StandardRun

MOST_BYTES = 16 * 2**30
"""What the folder may hold."""
MOST_BYTES_OF_A_HEAD = 2**24
MOST_BYTES_OF_A_BATCH = 2**28
"""A batch that would take more is not kept: its methods run it themselves."""


class StreamStore:
    """Standard runs in a folder, one file each: a line that says what they cost, then the streams, layer by layer.

    Args:
        folder: where; istar's data folder by default.
        most_bytes: what it may hold.
    """

    def __init__(self, folder: Path | None = None, most_bytes: int = MOST_BYTES) -> None:
        """See the class docstring."""
        self.folder = folder or paths.cache("streams")
        self.most_bytes = most_bytes
        self._making: set[Path] = set()
        self._lock = Lock()

    def path(self, key: Sequence[str | int]) -> Path:
        """Return the file of the streams filed under a key."""
        name = hashlib.sha256(json.dumps(list(key)).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.streams"

    def take(self, path: Path, layer: int) -> Replayed | None:
        """Return one layer of the streams in a file; None if they are not here.

        Raises:
            CorruptDataError: a file is not what was written.
        """
        with storing(path, verb="read"):
            try:
                stream = path.open("rb")
            except FileNotFoundError:
                return None
            with stream:
                head = stream.readline(MOST_BYTES_OF_A_HEAD)
                try:
                    found = _layer(head, layer)
                    if os.fstat(stream.fileno()).st_size != len(head) + found["layers"] * found["bytes"]:
                        raise ValueError("its size is wrong")
                    stream.seek(len(head) + layer * found["bytes"])
                    content = stream.read(found["bytes"])
                    if checksum(content) != found["checksum"]:
                        raise ValueError(f"the checksum of layer {layer} is wrong")
                    values = np.frombuffer(content, found["dtype"]).reshape(found["shape"])
                    bill = Bill(**found["bill"])
                except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
                    raise CorruptDataError(
                        f"the streams in {path} are not what was written ({error}); delete it"
                    ) from error
        with suppress(OSError):  # in a store that can only be read, nothing is dropped either
            path.touch()
        return Replayed(values, bill)

    def save(self, path: Path, run: StandardRun) -> None:
        """Write streams, and drop the longest unused ones if there are too many."""
        layers = [np.ascontiguousarray(layer).tobytes() for layer in run.values]
        head = {
            "dtype": run.values.dtype.str,
            "shape": run.values.shape,
            "bills": [asdict(bill) for bill in run.bills],
            "checksums": [checksum(layer) for layer in layers],
        }
        line = json.dumps({"head": head, "checksum": _checksum(head)}).encode() + b"\n"
        write_whole(path, b"".join((line, *layers)))
        self._drop()

    @contextmanager
    def making(self, path: Path) -> Iterator[bool]:
        """Give whether the streams in a file are to be looked after here, and not by another thread at this moment."""
        with self._lock:
            mine = path not in self._making and not path.exists()
            if mine:
                self._making.add(path)
        try:
            yield mine
        finally:
            if mine:
                self._making.remove(path)

    def wanted_before(self, path: Path) -> bool:
        """Return whether somebody wanted these streams before, and note that somebody does."""
        note = path.with_suffix(".wanted")
        before = note.exists()
        if not before:
            write_whole(note, b"")
        return before

    def _drop(self) -> None:
        kept = []
        for path in self.folder.rglob("*.streams"):
            with suppress(FileNotFoundError):  # another process dropped it meanwhile
                stat = path.stat()
                kept.append((stat.st_mtime, stat.st_size, path))
        kept.sort()
        size = sum(each for _, each, _ in kept)
        for _, each, path in kept[:-1]:
            if size <= self.most_bytes:
                break
            path.unlink(missing_ok=True)
            size -= each


def _layer(head: bytes, layer: int) -> dict[str, Any]:
    """Return what the first line of a file says of one layer; whatever is wrong with it is an error of some kind."""
    data = json.loads(head)
    found = data["head"]
    if data["checksum"] != _checksum(found):
        raise ValueError("the checksum of its first line is wrong")
    layers, *shape = found["shape"]
    if not 0 <= layer < layers:
        raise ValueError(f"it has no layer {layer}")
    dtype = np.dtype(found["dtype"])
    return {
        "layers": layers,
        "dtype": dtype,
        "shape": shape,
        "bytes": int(np.prod(shape, dtype=np.int64)) * dtype.itemsize,
        "bill": found["bills"][layer],
        "checksum": found["checksums"][layer],
    }


def _checksum(head: dict[str, Any]) -> str:
    return checksum(json.dumps(head, sort_keys=True).encode())


class QuestionShelf:
    """The standard runs of one question's batches; see `istar.sandbox.client.Shelf`.

    Args:
        store: where they are.
        batches: the rows of each batch.
        key: names the question, the target and all else that decides its streams.
    """

    def __init__(
        self, store: StreamStore, batches: Sequence[Int[np.ndarray, " batch"]], key: Sequence[str | int]
    ) -> None:
        """See the class docstring."""
        self.store = store
        self.batches = batches
        self.paths = [store.path((*key, *rows.tolist())) for rows in batches]
        self.missing: set[int] = set()

    def take(self, batch: int, layer: int) -> Replayed | None:
        """See `Shelf`."""
        if not 0 <= batch < len(self.paths):
            return None
        found = self.store.take(self.paths[batch], layer)
        if found is None:
            self.missing.add(batch)
        return found

    def restock(self, compute: Callable[[Int[np.ndarray, " batch"]], StandardRun]) -> None:
        """Compute what was missing and still is, if it was wanted before; of several threads one does.

        Args:
            compute: returns the standard run of some rows.
        """
        for batch in sorted(self.missing):
            path = self.paths[batch]
            with self.store.making(path) as mine:
                if mine and self.store.wanted_before(path):
                    self.store.save(path, compute(self.batches[batch]))
        self.missing.clear()
