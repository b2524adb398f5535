import itertools
import multiprocessing
import signal
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from ledger_records import BLACK, CONFIG, EVALUATION, WHITE, fill
from sqlalchemy import create_engine

from istar import files
from istar.ledger import (
    DuplicateRecordError,
    Ledger,
    LedgerError,
    LedgerLockedError,
    LedgerReadOnlyError,
    NewerLedgerError,
    NotALedgerError,
)
from istar.ledger.schema import TABLES


def test_the_migrations_make_exactly_the_tables_that_the_code_expects(make_url):
    url = make_url()
    Ledger(url).close()
    with create_engine(url.replace("postgresql:", "postgresql+psycopg:")).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, TABLES) == []


def test_the_folder_is_made_and_the_file_kept(tmp_path):
    path = tmp_path / "new" / "folder" / "ledger.sqlite"
    with Ledger(path) as ledger:
        fill(ledger)
    with Ledger(str(path)) as ledger:
        assert ledger.curves("run", stage="train") == WHITE


def test_sqlite_writes_ahead(tmp_path):
    Ledger(tmp_path / "ledger.sqlite").close()
    assert sqlite3.connect(tmp_path / "ledger.sqlite").execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_sqlite_keeps_no_shared_log_on_a_network_file_system(tmp_path, monkeypatch):
    path = tmp_path / "on a disk far away" / "ledger.sqlite"
    with Ledger(path) as ledger:
        fill(ledger)
    mounts = tmp_path / "mountinfo"
    place = str(path.parent.resolve()).replace(" ", r"\040")
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:50 / {place} rw shared:7 - nfs4 server:/disk rw\n")
    monkeypatch.setattr(files, "MOUNTS", mounts)
    assert [files.on_network(each) for each in (path, path.parent, tmp_path, Path("/"))] == [True, True, False, False]
    with Ledger(path) as ledger:
        assert ledger.curves("run", stage="train") == WHITE
        assert sorted(each.name for each in path.parent.iterdir()) == ["ledger.sqlite"]
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("delete",)
    monkeypatch.setattr(files, "MOUNTS", tmp_path / "no such file")
    assert not files.on_network(path)


def test_a_newer_ledger_is_refused(tmp_path):
    Ledger(tmp_path / "ledger.sqlite").close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerLedgerError, match=r"schema '9999'.*upgrade istar"):
        Ledger(tmp_path / "ledger.sqlite")


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(NotALedgerError, match=r"no ledger \(it holds recipes\)"):
        Ledger(path)
    tables = sqlite3.connect(path).execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("recipes",)]


def test_another_programs_alembic_database_is_refused_too(tmp_path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('abc123')")
    with pytest.raises(NewerLedgerError, match="abc123"):
        Ledger(path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("this is a text about something else, longer than a header " * 20)
    with pytest.raises(NotALedgerError, match="is not a database"):
        Ledger(path)
    assert path.read_text().startswith("this is a text")


def test_a_folder_is_no_ledger(tmp_path):
    with pytest.raises(LedgerError, match="unable to open"):
        Ledger(tmp_path)


@pytest.mark.parametrize("url", ["nonsense://x", "postgresql+nodriver://host/x"])
def test_a_url_that_nothing_understands_says_what_to_give(url):
    with pytest.raises(LedgerError, match="give a file's path or an SQLAlchemy URL"):
        Ledger(url)


def test_reading_only_never_creates(tmp_path):
    with pytest.raises(NotALedgerError, match="there is no ledger"):
        Ledger(tmp_path / "none.sqlite", read_only=True)
    assert not (tmp_path / "none.sqlite").exists()


def test_reading_only_never_writes(make_url):
    url = make_url()
    with Ledger(url) as ledger:
        fill(ledger)
    with Ledger(url, read_only=True) as ledger:
        assert ledger.curves("run", stage="train") == WHITE
        with pytest.raises(LedgerReadOnlyError, match="for reading only"):
            ledger.finish_run("run")
        ledger.read_only = False  # the database refuses too
        with pytest.raises(LedgerReadOnlyError, match="can only be read"):
            ledger.finish_run("run")


def test_reading_only_never_migrates(tmp_path):
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(LedgerReadOnlyError, match="open it once for writing"):
        Ledger(tmp_path / "empty.sqlite", read_only=True)


def test_a_database_that_may_not_be_written_says_so(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger)
    url = f"sqlite:///file:{tmp_path / 'ledger.sqlite'}?mode=ro&uri=true"
    with Ledger(url, read_only=True) as ledger:
        ledger.read_only = False
        with pytest.raises(LedgerReadOnlyError, match="can only be read"):
            ledger.finish_run("run")


def test_a_lock_that_is_not_given_up_is_reported(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger)
    blocker = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with Ledger(tmp_path / "ledger.sqlite", patience=0.1) as ledger:
        assert ledger.run("run").name == "run", "reading goes on meanwhile"
        with pytest.raises(LedgerLockedError, match="another process"):
            ledger.finish_run("run")
        blocker.execute("ROLLBACK")
        ledger.finish_run("run")


def _write_questions(url: str, numbers: range) -> int:
    refused = 0
    with Ledger(url) as ledger:
        ledger.open_run("run", CONFIG, versions={}, machine={})
        for number in numbers:
            question = f"{number:064d}"
            curves = [replace(curve, question_hash=question) for curve in WHITE]
            try:
                ledger.add_evaluation("run", replace(EVALUATION, question_hash=question), curves)
            except DuplicateRecordError:
                refused += 1
    return refused


def test_two_processes_write_one_ledger_and_no_evaluation_is_doubled_or_lost(make_url):
    url = make_url()
    with multiprocessing.get_context("fork").Pool(2) as pool:  # which both find no schema yet
        refused = pool.starmap(_write_questions, [(url, range(0, 30)), (url, range(10, 40))])
    assert sum(refused) == 20
    with Ledger(url) as ledger:
        assert len(ledger.evaluations("run")) == 40
        assert len(ledger.curves("run")) == 80


def _count_openings(url: str, numbers: range) -> list[int]:
    with Ledger(url) as ledger:
        opened = [
            ledger.add_opening("run", "validation", method=f"{number}", iteration=number, revealed=False, value=None)
            for number in numbers
        ]
    return [each.number for each in opened]


def test_two_processes_count_consultations_without_a_gap(make_url):
    url = make_url()
    with Ledger(url) as ledger:
        ledger.open_run("run", CONFIG, versions={}, machine={})
    with multiprocessing.get_context("fork").Pool(2) as pool:
        counted = pool.starmap(_count_openings, [(url, range(0, 20)), (url, range(20, 40))])
    assert sorted(number for numbers in counted for number in numbers) == list(range(1, 41))


def _fill(url, count, started):
    """Add evaluations, one a question, so many or without end."""
    with Ledger(url) as ledger:
        ledger.open_run("run", CONFIG, versions={}, machine={})
        for number in range(count) if count else itertools.count():
            question = f"{number:064d}"
            if ledger.evaluation("run", "train", EVALUATION.method, question) is None:
                curves = [replace(curve, question_hash=question) for curve in WHITE]
                ledger.add_evaluation("run", replace(EVALUATION, question_hash=question), curves)
            started.set()


def test_a_writer_that_is_killed_and_started_again_leaves_what_an_undisturbed_one_leaves(make_url):
    undisturbed, killed = make_url(), make_url()
    processes = multiprocessing.get_context("fork")

    def start(url, count=0):
        started = processes.Event()
        process = processes.Process(target=_fill, args=(url, count, started))
        process.start()
        return process, started

    for delay in (0.0, 0.01, 0.02, 0.05):
        writer, started = start(killed)
        started.wait()
        time.sleep(delay)
        writer.kill()
        writer.join()
        assert writer.exitcode == -signal.SIGKILL
    with Ledger(killed) as ledger:
        count = len(ledger.evaluations("run")) + 5
    for url in (undisturbed, killed):
        writer, _ = start(url, count)
        writer.join()
        assert writer.exitcode == 0
    with Ledger(undisturbed) as one, Ledger(killed) as other:
        assert list(one.export("run")) == list(other.export("run"))
        assert len(one.curves("run")) == 2 * count


def test_the_export_ignores_time_and_order_of_arrival(make_url):
    with Ledger(make_url()) as one, Ledger(make_url()) as other:
        fill(one)
        other.open_run("run", CONFIG, versions={"istar": "0.1.0"}, machine={"cores": "64"})
        other.add_evaluation("run", replace(EVALUATION, question_hash="a" * 64))
        fill(other, seconds=17.0)
        one.add_evaluation("run", replace(EVALUATION, question_hash="a" * 64))
        lines = list(one.export("run"))
        assert lines == list(other.export("run"))
        assert not any("seconds" in line or "opened_at" in line or "cores" in line for line in lines)
        assert len(lines) == 1 + 3 + 1 + 1 + 1 + 1 + 2 + 1 + 3 + 1 + 1 + 1 + 2 + 1 + len(BLACK + WHITE)


def test_the_export_tells_different_work_apart():
    with Ledger("sqlite://") as one, Ledger("sqlite://") as other:
        fill(one)
        fill(other)
        other.add_opening("run", "test", method="m", iteration=0, revealed=True, value=1.0)
        assert list(one.export("run")) != list(other.export("run"))
