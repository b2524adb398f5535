"""Standard runs kept on disk, for all methods of a search: see `istar.targets.standard_runs`.

A batch is computed when a second method asks for it, so that scoring a single method costs nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Int

from istar.storage import Kind, Parts, Store
from istar.targets.standard_runs import Replayed, StandardRun, StreamBill

MOST_BYTES_OF_A_BATCH = 2**28
"""A batch that would take more is not kept: its methods run it themselves."""


def _encode(layers: Sequence[Replayed]) -> Parts:
    return tuple(map(_layer_bytes, layers))


def _layer_bytes(layer: Replayed) -> bytes:
    values = np.ascontiguousarray(layer.values)
    head = {"dtype": values.dtype.str, "shape": values.shape, "bill": asdict(layer.bill)}
    return json.dumps(head).encode() + b"\n" + values.tobytes()


def _decode(parts: Parts) -> tuple[Replayed, ...]:
    return tuple(map(_layer, parts))


def _layer(content: bytes) -> Replayed:
    line, _, values = content.partition(b"\n")
    head = json.loads(line)
    return Replayed(np.frombuffer(values, head["dtype"]).reshape(head["shape"]), StreamBill(**head["bill"]))


STREAMS: Kind[Sequence[Replayed]] = Kind(
    "streams",
    _encode,
    _decode,
    code=("istar.targets", "istar.questions", "istar.flops"),
    libraries=("numpy", "torch", "transformers"),
)
"""The standard run of a batch, a part a layer."""

_making: set[Path] = set()
_LOCK = Lock()


class QuestionShelf:
    """The standard runs of one question's batches; see `istar.sandbox.client.Shelf`.

    Args:
        store: where they are.
        batches: the rows of each batch.
        key: names the question, the target and all else that decides its streams.
    """

    def __init__(self, store: Store, batches: Sequence[Int[np.ndarray, " batch"]], key: Mapping[str, Any]) -> None:
        """See the class docstring."""
        self.store = store
        self.batches = batches
        self.keys = [{**key, "rows": rows.tolist()} for rows in batches]
        self.missing: set[int] = set()

    def take(self, batch: int, layer: int) -> Replayed | None:
        """See `Shelf`."""
        if not 0 <= batch < len(self.keys):
            return None
        found = self.store.get(STREAMS, self.keys[batch], only=(layer,))
        if found is None:
            self.missing.add(batch)
            return None
        return found[0]

    def restock(self, compute: Callable[[Int[np.ndarray, " batch"]], StandardRun]) -> None:
        """Compute what was missing and still is, if it was wanted before; of several threads one does.

        Args:
            compute: returns the standard run of some rows.
        """
        for batch in sorted(self.missing):
            key = self.keys[batch]
            note = {**key, "wanted": True}
            with _alone(self.store.path(STREAMS, key)) as mine:
                if not mine or self.store.get(STREAMS, key, only=()) is not None:
                    continue
                if self.store.get(STREAMS, note) is None:
                    self.store.put(STREAMS, note, ())  # of no layer at all
                else:
                    run = compute(self.batches[batch])
                    self.store.put(
                        STREAMS, key, [Replayed(*layer) for layer in zip(run.values, run.bills, strict=True)]
                    )
        self.missing.clear()


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Give whether a file is to be looked after here, and not by another thread at this moment."""
    with _LOCK:
        mine = path not in _making
        if mine:
            _making.add(path)
    try:
        yield mine
    finally:
        if mine:
            _making.remove(path)
