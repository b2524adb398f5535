"""What can go wrong with a ledger, in the user's terms, and what databases raise turned into that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from istar.errors import CorruptDataError, IstarError


class LedgerError(IstarError):
    """The root of the ledger's errors."""


class NotALedgerError(LedgerError):
    """The database or file exists but holds something else."""


class NewerLedgerError(LedgerError):
    """The database was written by a newer version of istar."""


class LedgerReadOnlyError(LedgerError):
    """A write was asked of a ledger that can only be read."""


class OldLedgerError(LedgerReadOnlyError):
    """A ledger of an older version, opened for reading only: it must be migrated first."""


class LedgerDamagedError(LedgerError, CorruptDataError):
    """The database does not hold what was written."""


class DamagedRowError(LedgerDamagedError):
    """A row whose digest is not that of its content; the ledger's verbs say in which database."""


class LedgerLockedError(LedgerError):
    """Another process kept the ledger locked for longer than the patience allows."""


class MissingRecordError(LedgerError):
    """A run or a method that the ledger does not hold."""


class DuplicateRecordError(LedgerError):
    """A record whose key is taken: a repeated evaluation, or a record that contradicts the stored one."""


_REPAIR = "restore a copy, or move it away and run the search again: recordings are kept elsewhere"

_REASONS: tuple[tuple[tuple[str, ...], type[LedgerError], str], ...] = (
    (
        ("is locked", "lock timeout", "deadlock"),
        LedgerLockedError,
        "it stayed locked by another process; wait for that process or end it, then resume",
    ),
    (
        ("readonly", "read-only"),
        LedgerReadOnlyError,
        "it can only be read; check its permissions, or copy it first",
    ),
    (
        ("disk is full", "no space left", "could not extend file"),
        LedgerError,
        "its disk is full; free some space, then resume: what was written before is kept",
    ),
    (
        ("disk i/o error",),  # SQLite's words for a broken disk, and for a full one where its shared memory cannot grow
        LedgerError,
        "its disk is full or broken; free some space, then resume: what was written before is kept",
    ),
    (("not a database",), NotALedgerError, "it is not a database; choose another path for the ledger"),
    (
        ("malformed", "corrupt", "invalid page", "no such table", "no such column", "could not decode", "checksum"),
        LedgerDamagedError,
        f"it is damaged; {_REPAIR}",
    ),
    (
        (
            "connection refused",
            "could not connect",
            "connection is bad",
            "connection to server",
            "closed the connection",
        ),
        LedgerError,
        "the database server does not answer; start it, check the URL, then resume",
    ),
    (
        (
            "too long for type",
            "out of range",
            "too large to convert",
            "nul (0x00)",
            "\\u0000",
            "surrogates not allowed",
        ),
        LedgerError,
        "a value does not fit into the ledger; shorten the name or the figure that is to be stored",
    ),
)


@contextmanager
def translated(url: str, *, reading: bool = False) -> Iterator[None]:
    """Turn what a database raises into the ledger's own errors.

    Args:
        url: the ledger's URL, for messages.
        reading: whether the block only reads what was written before; then nothing but damage can make values of other
            types and shapes than were written.
    """
    try:
        yield
    except DamagedRowError as error:
        raise LedgerDamagedError(f"{shown_url(url)} is damaged: {error}; {_REPAIR}") from None
    except IstarError:
        raise
    except IntegrityError as error:
        raise DuplicateRecordError(
            f"{shown_url(url)} holds another record with this key already ({_reason(error)}); another process may have "
            "written it: resume, and it is read back"
        ) from error
    except SQLAlchemyError as error:
        raise _error(url, error) from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        if not reading:
            raise LedgerError(f"{shown_url(url)}: a value cannot be stored: {error}") from error
        raise LedgerDamagedError(
            f"{shown_url(url)} is damaged: a record cannot be read ({type(error).__name__}: {error}); {_REPAIR}"
        ) from error


def _error(url: str, error: SQLAlchemyError) -> LedgerError:
    reason = _reason(error)
    for words, kind, advice in _REASONS:
        if any(word in reason.lower() for word in words):
            return kind(f"{shown_url(url)}: {advice} ({reason})")
    return LedgerError(f"{shown_url(url)}: {reason}; check that it can be read and written, then resume")


def _reason(error: SQLAlchemyError) -> str:
    """Return the driver's own words on one line."""
    inner = error.orig if isinstance(error, DBAPIError | StatementError) else None
    return " ".join(str(inner or error).split())[:300]


def shown_url(url: str) -> str:
    """Return a URL as messages show it: without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return url
