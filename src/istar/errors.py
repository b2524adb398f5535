"""The root of every error that a user of istar can cause.

Each package derives its own types from `IstarError`; a message says what was wrong, where, and what to do.
"""


class IstarError(Exception):
    """An error with a message meant for the user; the command line prints it without a traceback."""


class UnknownNameError(IstarError):
    """A name that no registry entry bears."""


class CorruptDataError(IstarError):
    """Stored data that cannot be what was written: a wrong hash, a torn file, an unknown version."""
