"""The Parquet store holds to the contract of stores, and refuses whatever was damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from istar.errors import CorruptDataError
from istar.testing.stores import StoreConformance, make_table, same_table
from istar.truth import MissingTruthError, ParquetStore, Stores, TruthError, TruthStore, parquet, stored_tables


class TestParquetStore(StoreConformance):
    def make(self, folder: Path) -> TruthStore:
        return ParquetStore(folder / "tables")


class TestTwoStores(StoreConformance):
    def make(self, folder: Path) -> TruthStore:
        return Stores(ParquetStore(folder / "shipped"), ParquetStore(folder / "own"))


def test_reads_go_to_the_first_store_that_knows_and_writes_to_the_last(tmp_path: Path) -> None:
    shipped, own = ParquetStore(tmp_path / "shipped"), ParquetStore(tmp_path / "own")
    stores = Stores(shipped, own)
    first, second = make_table(0), make_table(1)
    shipped.write(first)
    stores.write(second)
    assert second.key in own
    assert second.key not in shipped
    assert same_table(stores.read(first.key), first)
    assert [digest.key for digest in stores.digests()] == [first.key, second.key]


def test_any_flipped_byte_is_noticed(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    table = make_table()
    store.write(table)
    path = store.path(table.key)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    unnoticed = 0
    for position in generator.permutation(len(whole))[:150]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(generator.integers(8))
        path.write_bytes(bytes(damaged))
        try:
            read = store.read(table.key)
        except CorruptDataError:
            continue
        # some bytes (statistics, the writer's name) mean nothing to a reader; the table must then be the same
        unnoticed += 1
        assert same_table(read, table)
    assert unnoticed < 100


def test_a_process_that_read_damage_ends_by_itself(tmp_path: Path) -> None:
    """Its exit code is its own, whatever a library left running."""
    store = ParquetStore(tmp_path)
    store.write(make_table())
    path = store.path(make_table().key)
    content = bytearray(path.read_bytes())
    content[pq.read_metadata(path).row_group(0).column(0).data_page_offset + 40] ^= 1
    path.write_bytes(content)
    program = (
        "from pathlib import Path; from istar.errors import CorruptDataError; from istar.truth import ParquetStore\n"
        f"store = ParquetStore(Path({str(tmp_path)!r}))\n"
        "try: store.read(store.digests()[0].key)\n"
        "except CorruptDataError as error: print(error)\n"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert "is damaged: could not verify page integrity" in done.stdout


def test_torn_files_are_noticed(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    table = make_table()
    store.write(table)
    path = store.path(table.key)
    whole = path.read_bytes()
    for length in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CorruptDataError, match=r"is damaged: .*\. Delete it and build it again"):
            store.read(table.key)


def test_a_value_changed_by_a_parquet_writer_is_noticed(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    table = make_table()
    store.write(table)
    path = store.path(table.key)
    metadata = pq.read_metadata(path).metadata
    stored = pq.read_table(path)
    values = stored["value"].to_numpy().copy()
    values[3] += 1e-9
    place = stored.column_names.index("value")
    forged = stored.set_column(place, "value", [values]).replace_schema_metadata({"istar": metadata[b"istar"]})
    pq.write_table(forged, path)
    with pytest.raises(CorruptDataError, match="its digest does not match its content"):
        store.read(table.key)


def test_a_digest_is_read_again_only_when_its_file_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, key = ParquetStore(tmp_path), make_table().key
    read = []

    def metadata(path: Path, file: object) -> object:
        read.append(path)
        return real(path, file)

    real = parquet._metadata
    monkeypatch.setattr(parquet, "_metadata", metadata)
    monkeypatch.setattr(parquet, "SETTLED", 1e6)
    store.write(make_table())
    for times in (1, 2):  # what was written a moment ago may be written again before the clock moves
        store.digests()
        assert len(read) == times
    monkeypatch.setattr(parquet, "SETTLED", -60.0)
    for _ in range(3):
        (digest,) = ParquetStore(tmp_path).digests()
        assert (digest.key, len(read)) == (key, 3)
    with pytest.raises(ValueError, match="read-only"):
        digest.answer[0] = 0.0
    path = store.path(key)
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(CorruptDataError, match="is damaged"):
        store.digests()
    path.write_bytes(content)
    assert [each.key for each in store.digests()] == [key]
    path.unlink()
    assert list(store.digests()) == []


def test_a_table_in_the_wrong_place_is_noticed(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    first, second = make_table(0), make_table(1)
    store.write(first)
    store.write(second)
    store.path(first.key).write_bytes(store.path(second.key).read_bytes())
    with pytest.raises(CorruptDataError, match="it holds question 1 of made_up/numbers"):
        store.read(first.key)


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ParquetStore(tmp_path)
    table = make_table()

    def die(path: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            store.write(table)
    assert table.key not in store
    assert list(store.digests()) == []
    store.write(table)
    assert same_table(store.read(table.key), table)


def test_one_name_for_two_targets_is_refused(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    store.write(make_table(target="ab" * 32))
    store.write(make_table(target="cd" * 32))
    with pytest.raises(TruthError, match=r"'made-up' is the name of 2 targets with tables: .*; give the id"):
        stored_tables("made_up/numbers", "made-up", store=store)
    assert stored_tables("made_up/numbers", "cdcdcdcdcdcd", store=store)[0].target == "cd" * 32


def test_an_empty_store_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(MissingTruthError, match="no truth for target 'gpt'; there is for none"):
        stored_tables("made_up/numbers", "gpt", store=ParquetStore(tmp_path))
