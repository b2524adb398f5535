"""The Parquet store: one file a table, whole or not there at all, checked when read.

A file holds a row for each run (tokens, readout, structure, value, price) and in its metadata what concerns the whole
table, so that reading one needs neither the tokenizer nor the data its question was made of. A digest in the metadata
covers everything; a file that does not match is refused.
"""

from __future__ import annotations

import base64
import io
import json
import time
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from istar.errors import CorruptDataError, IstarError
from istar.files import checksum, storing, write_whole
from istar.flops import PriceSheet
from istar.questions import (
    FUNCTIONALS,
    Column,
    Question,
    Run,
    Structure,
    functional_from_json,
    intervention_from_json,
    readout_from_json,
)
from istar.truth.store import Digest, TruthStore, missing
from istar.truth.table import Table, TableKey, provenance_from_json

FORMAT = "istar truth 1"
COLUMN = "column:"
DAMAGE = (
    pa.ArrowException,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
    zlib.error,
)
"""What reading a damaged file may raise."""
SETTLED = 2.0
"""Seconds without a change after which another change of a file shows in its times, however coarse the clock is."""

_State = tuple[int, int, int, int]

_digests: dict[Path, tuple[_State, Digest, str]] = {}
"""Digest and kind of functional of files as they were last read: a command looks at all tables for each task."""


class ParquetStore(TruthStore):
    """Tables as Parquet files under one folder: `<target>/<family>/<data set>/<seed>-<index>.parquet`.

    Args:
        folder: created when the first table is written.
    """

    def __init__(self, folder: Path) -> None:
        """See the class docstring."""
        self.folder = Path(folder)

    def path(self, key: TableKey) -> Path:
        """Return where a table is kept."""
        return self.folder / key.target[:16] / key.task / f"{key.seed}-{key.index:03d}.parquet"

    def digests(self) -> Sequence[Digest]:
        """See the base class."""
        found = [self._digest(path) for path in sorted(self.folder.glob("*/*/*/*.parquet"))]
        return sorted(found, key=lambda each: (each.key.target, each.key.task, each.key.seed, each.key.index))

    def _digest(self, path: Path) -> Digest:
        digest, functional = _remembered(path)
        if functional in FUNCTIONALS and not FUNCTIONALS.get(functional).__module__.startswith("istar."):
            return Digest.of(self.read(digest.key))  # a user's functional may have been edited since
        return digest

    def __contains__(self, key: object) -> bool:
        """See the base class."""
        return isinstance(key, TableKey) and self.path(key).exists()

    def read(self, key: TableKey) -> Table:
        """See the base class."""
        path = self.path(key)
        with storing(path, verb="read"):
            try:
                # into Arrow's own memory: where a column is damaged a thread of Arrow's is left with what was read, and
                # if it has to give back Python's memory while the process ends, it aborts it
                with pa.OSFile(str(path)) as stored:
                    content = stored.read_buffer()
            except FileNotFoundError:
                raise missing(key) from None
        data = _metadata(path, pa.BufferReader(content))
        try:
            file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
            table = _table(file.read(use_threads=False), data)
        except (*DAMAGE, IstarError) as error:
            raise _corrupt(path, _first_line(error)) from error
        if table.key != key:
            raise _corrupt(path, f"it holds {table.key}")
        if table.digest != data.get("fingerprint") or table.question.hash != data["question"]:
            raise _corrupt(path, "its digest does not match its content")
        if "checksum" not in data and not _agree(_digest(path, data), table):
            raise _corrupt(path, "its facts do not follow from its content")
        return table

    def write(self, table: Table) -> None:
        """See the base class."""
        write_whole(self.path(table.key), _content(table))


def table_bytes(table: Table) -> int:
    """Return how many bytes the file of a table takes."""
    return len(_content(table))


def _content(table: Table) -> bytes:
    columns = _arrow(table)
    options = {"compression": "zstd", "compression_level": 19, "write_page_checksum": True, "store_schema": False}
    content = io.BytesIO()
    with pq.ParquetWriter(content, columns.schema, **options) as writer:
        writer.write_table(columns)
        writer.add_key_value_metadata(columns.schema.metadata)  # Arrow's copy of the schema is left out
    return content.getvalue()


def _corrupt(path: Path, reason: str) -> CorruptDataError:
    return CorruptDataError(f"the truth table {path} is damaged: {reason}. Delete it and build it again")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else repr(error)


def _metadata(path: Path, file: Path | pa.BufferReader) -> dict[str, Any]:
    """Return what a file says of its whole table; `path` is for messages.

    Raises:
        CorruptDataError: it is not what was written.
    """
    try:
        raw = pq.read_metadata(file).metadata or {}
        data: dict[str, Any] = json.loads(raw[b"istar"])
        known = data.get("format")
    except DAMAGE as error:
        raise _corrupt(path, _first_line(error)) from error
    if known != FORMAT:
        raise _corrupt(path, f"its format is {known!r}, not {FORMAT!r}")
    # a table may have no checksum: `read` then computes its facts again
    if "checksum" in data and data["checksum"] != _checksum(data):
        raise _corrupt(path, "the checksum of its metadata is wrong")
    return data


def _remembered(path: Path) -> tuple[Digest, str]:
    """Return a file's digest and kind of functional; read only if the file changed since it was last asked for."""
    state = _state(path)
    known = _digests.get(path)
    if known is not None and known[0] == state:
        return known[1:]
    data = _metadata(path, path)
    digest, functional = _digest(path, data), str(data["functional"]["kind"])
    for array in (digest.answer, digest.noise):
        array.flags.writeable = False  # it is handed out again
    if state is not None and max(state[2:]) < time.time_ns() - SETTLED * 1e9:
        _digests[path] = (state, digest, functional)
    return digest, functional


def _state(path: Path) -> _State | None:
    """Return inode, size and times of change of a file, or None if it cannot be had: reading it says why."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _checksum(data: dict[str, Any]) -> str:
    others = {name: value for name, value in data.items() if name != "checksum"}
    return checksum(json.dumps(others, sort_keys=True).encode())


def _agree(digest: Digest, table: Table) -> bool:
    """Whether a digest is that of a table, as far as that is computed in no time."""
    whole = (digest.rows, digest.brute_flops, digest.dearest_run_flops)
    return (
        whole == (len(table.values), table.brute_flops, table.dearest_run_flops)
        and digest.answer.shape == table.answer.shape
        # another machine's last digits may be others
        and np.allclose(digest.answer, table.answer, rtol=1e-6, atol=1e-9)
    )


def _digest(path: Path, data: dict[str, Any]) -> Digest:
    try:
        provenance, facts = provenance_from_json(data["provenance"]), data["facts"]
        return Digest(
            TableKey(provenance.target, data["task"], data["index"], provenance.seed),
            provenance.target_name,
            facts["rows"],
            facts["brute_flops"],
            facts["dearest_run_flops"],
            np.array(facts["answer"]),
            np.array(facts["noise"]),
            facts["reliability"],
            str(data["question"]),
            provenance.plugins,
        )
    except DAMAGE as error:
        raise _corrupt(path, repr(error)) from error


def _facts(table: Table) -> dict[str, Any]:
    return {
        "rows": len(table.values),
        "brute_flops": table.brute_flops,
        "dearest_run_flops": table.dearest_run_flops,
        "answer": table.answer.tolist(),
        "noise": table.noise.tolist(),
        "reliability": table.reliability,
    }


def _pack(array: Int[np.ndarray, " _"]) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array, dtype="<i8").tobytes(), 9)).decode()


def _unpack(text: str) -> Int[np.ndarray, " _"]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<i8")


def _arrow(table: Table) -> pa.Table:
    question, prices = table.question, table.prices.to_arrays()
    lengths = np.cumsum([0, *(len(run.tokens) for run in question.runs)])
    flat = np.fromiter((token for run in question.runs for token in run.tokens), dtype=np.int32, count=lengths[-1])
    arrays = {
        "tokens": pa.ListArray.from_arrays(pa.array(lengths, pa.int32()), pa.array(flat, pa.int32())),
        "readout": pa.array([json.dumps(run.readout.to_json(), sort_keys=True) for run in question.runs]),
        "intervention": pa.array([run.intervention and run.intervention.key for run in question.runs], pa.string()),
        "value": pa.array(table.values, pa.float64()),
        "reads_flops": pa.array(prices["row_reads_flops"], pa.int64()),
        "segments": pa.ListArray.from_arrays(
            pa.array(prices["row_pointers"], pa.int32()), pa.array(prices["row_segments"], pa.int32())
        ),
    }
    for column in question.structure.columns:
        arrays[COLUMN + column.name] = pa.array(column.values, pa.float64())
    metadata: dict[str, Any] = {
        "format": FORMAT,
        "task": question.task,
        "index": question.index,
        "question": question.hash,
        "functional": question.functional.to_json(),
        "roles": [[column.name, column.role] for column in question.structure.columns],
        "segment_flops": _pack(prices["segment_flops"]),
        "segment_tokens": _pack(prices["segment_tokens"]),
        "provenance": table.provenance.to_json(),
        "facts": _facts(table),
        "fingerprint": table.digest,
    }
    metadata["checksum"] = _checksum(metadata)
    return pa.table(arrays, metadata={"istar": json.dumps(metadata)})


def _lists(column: pa.ChunkedArray) -> Iterator[tuple[int, ...]]:
    array = column.combine_chunks()
    offsets, flat = array.offsets.to_pylist(), array.values.to_numpy().tolist()
    for start, stop in pairwise(offsets):
        yield tuple(flat[start:stop])


def _table(stored: pa.Table, data: dict[str, Any]) -> Table:
    readouts = {text: readout_from_json(json.loads(text)) for text in set(stored["readout"].to_pylist())}
    interventions: dict[str | None, Any] = {None: None}
    for text in set(stored["intervention"].to_pylist()) - {None}:
        interventions[text] = intervention_from_json(json.loads(text))
    rows = zip(_lists(stored["tokens"]), stored["readout"].to_pylist(), stored["intervention"].to_pylist(), strict=True)
    runs = tuple(Run(tokens, readouts[readout], interventions[key]) for tokens, readout, key in rows)
    columns = (Column(name, role, tuple(stored[COLUMN + name].to_pylist())) for name, role in data["roles"])
    functional = functional_from_json(data["functional"])
    question = Question(data["task"], data["index"], runs, Structure(tuple(columns)), functional)
    segments = stored["segments"].combine_chunks()
    prices = PriceSheet.from_arrays(
        {
            "segment_flops": _unpack(data["segment_flops"]),
            "segment_tokens": _unpack(data["segment_tokens"]),
            "row_pointers": segments.offsets.to_numpy().astype(np.int64),
            "row_segments": segments.values.to_numpy().astype(np.int64),
            "row_reads_flops": stored["reads_flops"].to_numpy(),
        }
    )
    return Table(question, stored["value"].to_numpy(), prices, provenance_from_json(data["provenance"]))
