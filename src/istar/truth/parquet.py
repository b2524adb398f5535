"""The Parquet store: one file a table, whole or not there at all, checked when read.

A file holds a row for each run (tokens, readout, structure, value, price) and in its metadata what concerns the whole
table, so that reading one needs neither the tokenizer nor the data its question was made of. A digest in the metadata
covers everything; a file that does not match is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
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
from istar.flops import PriceSheet
from istar.questions import (
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
        found = [_digest(path, _metadata(path)) for path in sorted(self.folder.glob("*/*/*/*.parquet"))]
        return sorted(found, key=lambda each: (each.key.target, each.key.task, each.key.seed, each.key.index))

    def __contains__(self, key: object) -> bool:
        """See the base class."""
        return isinstance(key, TableKey) and self.path(key).exists()

    def read(self, key: TableKey) -> Table:
        """See the base class."""
        path = self.path(key)
        if not path.exists():
            raise missing(key)
        try:
            stored = pq.read_table(path, page_checksum_verification=True)
            table = _table(stored, _metadata(path))
        except (
            pa.ArrowException,
            OSError,
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            zlib.error,
            IstarError,
        ) as error:
            raise _corrupt(path, str(error).splitlines()[0] if str(error) else repr(error)) from error
        if table.key != key:
            raise _corrupt(path, f"it holds {table.key}")
        if _fingerprint(table) != _metadata(path)["fingerprint"]:
            raise _corrupt(path, "its digest does not match its content")
        return table

    def write(self, table: Table) -> None:
        """See the base class."""
        path = self.path(table.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        columns = _arrow(table)
        options = {"compression": "zstd", "compression_level": 19, "write_page_checksum": True, "store_schema": False}
        with pq.ParquetWriter(part, columns.schema, **options) as writer:
            writer.write_table(columns)
            writer.add_key_value_metadata(columns.schema.metadata)  # Arrow's copy of the schema is left out
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.replace(path)


def _corrupt(path: Path, reason: str) -> CorruptDataError:
    return CorruptDataError(f"the truth table {path} is damaged: {reason}. Delete it and build it again")


def _metadata(path: Path) -> dict[str, Any]:
    try:
        raw = pq.read_metadata(path).metadata or {}
        data: dict[str, Any] = json.loads(raw[b"istar"])
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise _corrupt(path, str(error).splitlines()[0] if str(error) else repr(error)) from error
    if data.get("format") != FORMAT:
        raise _corrupt(path, f"its format is {data.get('format')!r}, not {FORMAT!r}")
    return data


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
        )
    except (ValueError, KeyError, TypeError) as error:
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


def _fingerprint(table: Table) -> str:
    """Return the SHA-256 of everything a table holds."""
    digest = hashlib.sha256(table.question.hash.encode())
    digest.update(np.ascontiguousarray(table.values, dtype="<f8").tobytes())
    for name, array in sorted(table.prices.to_arrays().items()):
        digest.update(name.encode() + np.ascontiguousarray(array, dtype="<i8").tobytes())
    digest.update(json.dumps(table.provenance.to_json(), sort_keys=True).encode())
    return digest.hexdigest()


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
    metadata = {
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
        "fingerprint": _fingerprint(table),
    }
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
