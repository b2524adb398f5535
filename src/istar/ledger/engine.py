"""Opening the database: connections, transactions, and migrations.

Both databases behave alike: a write takes a lock before it reads, so that two processes wait for one another instead
of failing half-way, and one that only reads is never kept waiting. SQLite runs with a write-ahead log for that, and is
checked for damage when it is opened; on PostgreSQL the lock is an advisory one. On a network file system SQLite keeps a
rollback journal, and who reads may have to wait: the log needs memory that all who have the file open share, and two
machines share none.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import SQLAlchemyError

from istar.files import on_network
from istar.ledger.errors import (
    LedgerDamagedError,
    LedgerError,
    LedgerReadOnlyError,
    NewerLedgerError,
    NotALedgerError,
    OldLedgerError,
    shown_url,
    translated,
)

PATIENCE_SECONDS = 60.0
"""How long a process waits for another one's write."""

JOURNAL_SECONDS = 0.02
"""How long a process waits before it tries once more to change the kind of journal."""

WRITERS_LOCK = 0x1574_A2
"""The number of PostgreSQL's advisory lock that a writer holds until it commits."""

DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
"""The drivers of URLs that name none, whatever SQLAlchemy would choose."""


def ledger_url(where: str | Path) -> str:
    """Return the SQLAlchemy URL of a ledger: URLs stay as they are, anything else is the path of a SQLite file.

    Raises:
        LedgerError: it is no path.
    """
    if isinstance(where, str) and "://" in where:
        return where
    text = os.fspath(where)
    if not text or "\0" in text:
        raise LedgerError(f"{text!r} is no path of a ledger; give a file's path or an SQLAlchemy URL")
    return URL.create("sqlite", database=str(Path(text).expanduser().resolve())).render_as_string()


def open_engine(url: str, *, read_only: bool, patience: float) -> Engine:
    """Return an engine for the URL, set up so that SQLite and PostgreSQL behave alike.

    Raises:
        LedgerError: the URL is not understood, its driver is missing, or its folder cannot be made.
        NotALedgerError: a read-only ledger was asked for at a path where there is no file.
    """
    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        if parsed.get_backend_name() == "postgresql":
            engine = create_engine(parsed, pool_pre_ping=True)
            _prepare_postgresql(engine, read_only, patience)
            return engine
        if parsed.get_backend_name() != "sqlite":
            raise LedgerError(
                f"a ledger cannot be kept at {shown_url(url)!r}; give a file's path or an SQLAlchemy URL of SQLite or "
                "PostgreSQL"
            )
        _check_place(parsed, read_only)
        if read_only:
            parsed = _unchanging(parsed)
        engine = create_engine(parsed, connect_args={"timeout": patience})
    except (SQLAlchemyError, ImportError, OSError, ValueError) as error:
        hint = "; install the driver: pip install 'istar[postgres]'" if isinstance(error, ImportError) else ""
        raise LedgerError(
            f"cannot open a ledger at {shown_url(url)!r}: {error}{hint}; give a file's path or an SQLAlchemy URL"
        ) from error
    _prepare_sqlite(engine, read_only, "DELETE" if _on_network(parsed) else "WAL", patience)
    return engine


def _on_network(url: URL) -> bool:
    path = url.database
    return bool(path) and path != ":memory:" and not str(path).startswith("file:") and on_network(Path(str(path)))


def _check_place(url: URL, read_only: bool) -> None:
    """Make the folder of a SQLite file that will be written, or check that one to be read is there."""
    path = url.database
    if not path or path == ":memory:" or path.startswith("file:"):
        return
    if not read_only:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    elif not Path(path).exists():
        raise NotALedgerError(f"there is no ledger at {path}; a search writes one")


def _unchanging(url: URL) -> URL:
    """Return a URL under which SQLite reads a file in a folder where nothing can be written.

    Otherwise it would make files of its own beside a ledger with a write-ahead log, even to read it. A log that is
    there still must be taken in first, so such a ledger is left as it is.
    """
    path = url.database
    if not path or path == ":memory:" or path.startswith("file:"):
        return url
    if os.access(Path(path).parent, os.W_OK) or Path(f"{path}-wal").exists():
        return url
    return url.set(database=f"file:{quote(path)}", query={"mode": "ro", "immutable": "1", "uri": "true"})


def _prepare_sqlite(engine: Engine, read_only: bool, journal: str, patience: float) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _keep_journal(connection, journal, patience)
            connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _keep_journal(connection: sqlite3.Connection, journal: str, patience: float) -> None:
    """Have SQLite keep this kind of journal, and wait for other processes that have the file open.

    A change of the kind needs the file for itself alone, and where another process is about to change it too, SQLite
    says at once that it is locked, whatever its timeout: two that wait for one another would never end.

    Raises:
        sqlite3.OperationalError: it stayed locked for `patience` seconds.
    """
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute(f"PRAGMA journal_mode = {journal}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
        time.sleep(JOURNAL_SECONDS)


def _prepare_postgresql(engine: Engine, read_only: bool, patience: float) -> None:
    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if read_only:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        if _writes(connection):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(1, round(1000 * patience))}")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes", False))


def alembic_config() -> Config:
    """Return the migration settings; the scripts are shipped in this package and no ini file is needed."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(engine: Engine, url: str, *, read_only: bool) -> None:
    """Check the database, and bring it to this version's schema, or check that it is there already.

    Raises:
        LedgerDamagedError: the database is not what was written.
        NotALedgerError: the database holds other tables and no ledger.
        NewerLedgerError: a newer istar wrote it.
        OldLedgerError: it needs a migration and may not be written.
        LedgerReadOnlyError: it holds nothing yet and may not be written.
    """
    scripts = ScriptDirectory.from_config(alembic_config())
    head = scripts.get_current_head()
    with translated(url, reading=True), engine.connect() as connection:
        _check_integrity(connection, url)
        revision = _checked_revision(connection, scripts, url)
        if revision == head:
            return
    if read_only:
        kind = LedgerReadOnlyError if revision is None else OldLedgerError
        raise kind(f"{shown_url(url)} holds no ledger of this version; open it once for writing to migrate it")
    with (
        translated(url, reading=True),
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        if _checked_revision(connection, scripts, url) != head:  # another process may have been faster
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _check_integrity(connection: Connection, url: str) -> None:
    """Have SQLite look for damage: rows that an index lacks, pages that belong nowhere."""
    if connection.dialect.name != "sqlite":
        return
    found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
    if found != "ok":
        raise LedgerDamagedError(
            f"{shown_url(url)} is damaged ({str(found).splitlines()[-1]:.200}); restore a copy, or move it away and "
            "run the search again: recordings are kept elsewhere"
        )


def _checked_revision(connection: Connection, scripts: ScriptDirectory, url: str) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        tables = inspect(connection).get_table_names()
        if tables:
            raise NotALedgerError(
                f"{shown_url(url)} is a database but no ledger (it holds {', '.join(sorted(tables)[:5])}); choose "
                "another path"
            )
    elif revision not in {script.revision for script in scripts.walk_revisions()}:
        raise NewerLedgerError(
            f"{shown_url(url)} has schema {revision!r}, which this version does not know; upgrade istar"
        )
    return revision
