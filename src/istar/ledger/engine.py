"""Opening the database: connections, transactions, and migrations.

SQLite runs with a write-ahead log, so that a report can read while a search writes. A write takes the lock before
it reads (`BEGIN IMMEDIATE`): two processes then wait for one another instead of failing half-way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from istar.ledger.errors import LedgerError, LedgerLockedError, LedgerReadOnlyError, NewerLedgerError, NotALedgerError

PATIENCE_SECONDS = 60.0
"""How long a process waits for another one's write."""


def ledger_url(where: str | Path) -> str:
    """Return the SQLAlchemy URL of a ledger: URLs stay as they are, anything else is the path of a SQLite file."""
    if isinstance(where, str) and "://" in where:
        return where
    return f"sqlite:///{Path(where).expanduser().resolve()}"


def open_engine(url: str, *, read_only: bool, patience: float) -> Engine:
    """Return an engine for the URL, with SQLite's pragmas and transactions set up.

    Raises:
        LedgerError: the URL is not understood, or its driver is missing.
        NotALedgerError: a read-only ledger was asked for at a path where there is no file.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return create_engine(parsed)
        path = parsed.database
        if path and path != ":memory:" and not path.startswith("file:"):
            if not read_only:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            elif not Path(path).exists():
                raise NotALedgerError(f"there is no ledger at {path}; a search writes one")
        engine = create_engine(parsed, connect_args={"timeout": patience})
    except (SQLAlchemyError, ImportError) as error:
        raise LedgerError(
            f"cannot open a ledger at {url!r}: {error}; give a file's path or an SQLAlchemy URL"
        ) from error
    _prepare_sqlite(engine, read_only)
    return engine


def _prepare_sqlite(engine: Engine, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn the database's errors into the ledger's own."""
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig)
        if "locked" in reason:
            raise LedgerLockedError(
                f"{url} stayed locked by another process; wait for that process or end it, then resume"
            ) from error
        if "readonly" in reason:
            raise LedgerReadOnlyError(f"{url} can only be read; check its permissions, or copy it first") from error
        raise LedgerError(f"{url}: {reason}") from error
    except DatabaseError as error:
        if "not a database" in str(error.orig):
            raise NotALedgerError(f"{url} is not a database; choose another path for the ledger") from error
        raise


def alembic_config() -> Config:
    """Return the migration settings; the scripts are shipped in this package and no ini file is needed."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(engine: Engine, url: str, *, read_only: bool) -> None:
    """Bring the database to this version's schema, or check that it is there already.

    Raises:
        NotALedgerError: the database holds other tables and no ledger.
        NewerLedgerError: a newer istar wrote it.
        LedgerReadOnlyError: it needs a migration and may not be written.
    """
    scripts = ScriptDirectory.from_config(alembic_config())
    head = scripts.get_current_head()
    with translated(url), engine.connect() as connection:
        if _checked_revision(connection, scripts, url) == head:
            return
    if read_only:
        raise LedgerReadOnlyError(f"{url} holds no ledger of this version; open it once for writing to migrate it")
    with translated(url), engine.connect().execution_options(writes=True) as connection, connection.begin():
        if _checked_revision(connection, scripts, url) != head:  # another process may have been faster
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _checked_revision(connection: Connection, scripts: ScriptDirectory, url: str) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        tables = inspect(connection).get_table_names()
        if tables:
            raise NotALedgerError(
                f"{url} is a database but no ledger (it holds {', '.join(sorted(tables)[:5])}); choose another path"
            )
    elif revision not in {script.revision for script in scripts.walk_revisions()}:
        raise NewerLedgerError(f"{url} has schema {revision!r}, which this version does not know; upgrade istar")
    return revision
