"""The root of every error that a user of istar can cause.

Each package derives its own types from `IstarError`; a message says what was wrong, where, and what to do. What in a
message comes from a method goes through `printable`.
"""

TEXT_LIMIT = 16_000
"""The most characters that a message takes from untrusted code."""


class IstarError(Exception):
    """An error with a message meant for the user; the command line prints it without a traceback."""


class UnknownNameError(IstarError):
    """A name that no registry entry bears."""


class CorruptDataError(IstarError):
    """Stored data that cannot be what was written: a wrong hash, a torn file, an unknown version."""


def printable(text: object, limit: int = TEXT_LIMIT) -> str:
    """Return a text of untrusted code without what could confuse a terminal or a log, cut after `limit` characters."""
    if not isinstance(text, str):
        return "(no text)"
    kept = "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text[: limit + 1])
    return kept if len(kept) <= limit else kept[:limit] + "..."
