"""Standard runs kept on disk, for all methods of a search: see `istar.targets.standard_runs`.

A batch is computed when a second method asks for it, so that scoring a single method costs nothing more. What was not
used for longest is dropped when the folder grows over its bound.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Int

from istar import paths
from istar.errors import CorruptDataError
from istar.protocol.stores import write_whole
from istar.targets.standard_runs import Bill, Replayed, StandardRun

MOST_BYTES = 16 * 2**30
"""What the folder may hold."""
MOST_BYTES_OF_A_BATCH = 2**28
"""A batch that would take more is not kept: its methods run it themselves."""


class StreamStore:
    """Standard runs in a folder, two files each: the streams, and what they cost.

    Args:
        folder: where; istar's data folder by default.
        most_bytes: what it may hold.
    """

    def __init__(self, folder: Path | None = None, most_bytes: int = MOST_BYTES) -> None:
        """See the class docstring."""
        self.folder = folder or paths.cache("streams")
        self.most_bytes = most_bytes

    def path(self, key: Sequence[str | int]) -> Path:
        """Return the file of the streams filed under a key."""
        name = hashlib.sha256(json.dumps(list(key)).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npy"

    def take(self, path: Path, layer: int) -> Replayed | None:
        """Return one layer of the streams in a file; None if they are not here.

        Raises:
            CorruptDataError: a file is not what was written.
        """
        try:
            bills = json.loads(path.with_suffix(".json").read_text())
            values = np.load(path, mmap_mode="r", allow_pickle=False)
            if values.ndim != 3 or not 0 <= layer < len(bills) == len(values):
                raise ValueError(f"it has no layer {layer}")
            path.touch()
            return Replayed(np.array(values[layer]), Bill(**bills[layer]))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, EOFError, OSError) as error:
            raise CorruptDataError(f"the streams in {path} are not what was written ({error}); delete it") from error

    def save(self, path: Path, run: StandardRun) -> None:
        """Write streams, and drop the longest unused ones if there are too many."""
        content = BytesIO()
        np.save(content, run.values, allow_pickle=False)
        write_whole(path.with_suffix(".json"), json.dumps([asdict(bill) for bill in run.bills]).encode())
        write_whole(path, content.getvalue())
        self._drop()

    def wanted_before(self, path: Path) -> bool:
        """Return whether somebody wanted these streams before, and note that somebody does."""
        note = path.with_suffix(".wanted")
        before = note.exists()
        if not before:
            write_whole(note, b"")
        return before

    def _drop(self) -> None:
        kept = sorted(self.folder.rglob("*.npy"), key=lambda path: path.stat().st_mtime)
        size = sum(path.stat().st_size for path in kept)
        while size > self.most_bytes and len(kept) > 1:
            path = kept.pop(0)
            size -= path.stat().st_size
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)


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
        """Compute what was missing, if it was wanted before.

        Args:
            compute: returns the standard run of some rows.
        """
        for batch in sorted(self.missing):
            if self.store.wanted_before(self.paths[batch]):
                self.store.save(self.paths[batch], compute(self.batches[batch]))
        self.missing.clear()
