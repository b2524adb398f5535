"""What can go wrong with a ledger, in the user's terms."""

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
