"""A ledger that the first version wrote: `ledger_0001.sql` is its dump, `ledger_0001.jsonl` what it exported."""

import json
import multiprocessing
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from ledger_records import WHITE

from istar.ledger import Ledger, LedgerDamagedError, LedgerLockedError, OldLedgerError
from istar.ledger.engine import _keep_journal
from istar.ledger.signing import digest_of
from istar.protocol.run_folder import RunFolder, RunFolderError

HERE = Path(__file__).parent


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "run" / "ledger.sqlite"
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.executescript((HERE / "ledger_0001.sql").read_text())
    connection.close()
    return path


def test_it_is_upgraded_with_all_that_it_holds(old):
    with Ledger(old) as ledger:
        assert list(ledger.export("run")) == (HERE / "ledger_0001.jsonl").read_text().splitlines()
        assert ledger.curves("run", stage="train") == WHITE
        assert ledger.run("run").status == "finished"
        ledger.add_opening("run", "test", method="m", iteration=0, revealed=True, value=None)


def test_its_records_are_signed_from_then_on(old):
    Ledger(old).close()
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE rounds SET best_reward = 0.75")
    connection.close()
    words = r"ledger\.sqlite is damaged: the record in rounds"
    with Ledger(old) as ledger, pytest.raises(LedgerDamagedError, match=words):
        ledger.rounds("run")


def test_opened_for_reading_only_it_is_left_alone(old):
    before = old.read_bytes()
    with pytest.raises(OldLedgerError, match="open it once for writing"):
        Ledger(old, read_only=True)
    assert old.read_bytes() == before


def test_a_run_folder_upgrades_it_to_read_it(old):
    with RunFolder(old.parent).ledger(read_only=True) as ledger:
        assert ledger.runs()[0].name == "run"


def test_it_is_not_upgraded_under_a_process_that_works_on_the_run(old):
    folder, before = RunFolder(old.parent), old.read_bytes()
    with folder.alone(), pytest.raises(RunFolderError, match="another process"):
        folder.ledger(read_only=True)
    assert old.read_bytes() == before


def test_one_that_was_damaged_before_is_left_as_it_was(old):
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE curves SET curve = '{' WHERE seed = 1")
    connection.close()
    with pytest.raises(LedgerDamagedError, match=r"ledger\.sqlite"):
        Ledger(old)
    connection = sqlite3.connect(old)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    assert "digest" not in json.dumps(connection.execute("SELECT sql FROM sqlite_master").fetchall())


def downgraded(path):
    """Make the ledger one that version 0002 wrote: without what came after, and signed without it."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    connection.execute("ALTER TABLE evaluations DROP COLUMN unexplained_cpu_seconds")
    connection.execute("ALTER TABLE evaluations DROP COLUMN batches")
    connection.execute("DROP TABLE questions")
    connection.execute("DROP TABLE parts")
    connection.execute("DROP TABLE uses")
    for name in ("draws", "calls", "answers", "moves"):
        connection.execute(f"DROP TABLE {name}")
    for row in connection.execute("SELECT * FROM evaluations").fetchall():
        values = {**dict(row), **{name: json.loads(row[name]) for name in ("by_op", "by_region", "unknown")}}
        signed = digest_of("evaluations", values)
        connection.execute("UPDATE evaluations SET digest = ? WHERE id = ?", (signed, row["id"]))
    connection.execute("UPDATE alembic_version SET version_num = '0002'")
    connection.commit()
    connection.close()


def test_how_much_time_was_explained_is_not_known_of_evaluations_before_it_was_kept(old):
    exported = _upgrade(old)
    downgraded(old)
    with Ledger(old) as ledger:
        assert list(ledger.export("run")) == exported
        shares = [each.spending.explained_share for each in ledger.evaluations("run")]
        assert shares
        assert set(shares) == {None}


def test_a_row_damaged_before_an_upgrade_is_not_signed_by_it(old):
    _upgrade(old)
    downgraded(old)
    with sqlite3.connect(old) as connection:
        connection.execute("UPDATE evaluations SET flops = flops + 1")
    connection.close()
    with pytest.raises(LedgerDamagedError, match="record in evaluations with id="):
        Ledger(old)


def _upgrade(path):
    with Ledger(path, patience=600) as ledger:
        return list(ledger.export("run"))


@pytest.mark.parametrize("processes", [2, 8])
def test_processes_upgrade_it_at_once(old, processes):
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        exports = pool.map(_upgrade, [old] * processes, chunksize=1)
    for export in exports:
        assert export == (HERE / "ledger_0001.jsonl").read_text().splitlines()


@pytest.fixture
def reader(old):
    """A connection that holds a lock until it ends its transaction, as readers do under the old kind of journal."""
    connection = sqlite3.connect(old, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT name FROM runs").fetchall()
    yield connection
    connection.close()


def test_a_file_that_sqlite_calls_locked_at_once_is_waited_for(old, reader, monkeypatch):
    connection, waited = sqlite3.connect(old, timeout=0), []

    def wait(seconds):
        waited.append(seconds)
        reader.execute("ROLLBACK")

    monkeypatch.setattr("istar.ledger.engine.time", SimpleNamespace(monotonic=lambda: 0.0, sleep=wait))
    _keep_journal(connection, "WAL", patience=60)
    assert len(waited) == 1
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_one_that_stays_locked_is_said_to_be(old, reader):
    with pytest.raises(LedgerLockedError, match="wait for that process or end it"):
        Ledger(old, patience=0.1)
