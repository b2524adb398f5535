"""Running conformance suites by hand, to see what they find."""

from __future__ import annotations


def failures(suite: object) -> list[str]:
    """Return the names of a suite's tests that fail, which are run in the order in which they are written."""
    names = dict.fromkeys(name for kind in reversed(type(suite).__mro__) for name in vars(kind))
    return [name for name in names if name.startswith("test_") and fails(suite, name)]


def fails(suite: object, name: str) -> bool:
    """Return whether a test of a suite fails."""
    try:
        getattr(suite, name)()
    except Exception:
        return True
    return False
