"""Parsing Python source, by one thread at a time.

While CPython 3.11 makes the nodes of a syntax tree it counts how deep it is in a number that all threads share, and
raises `SystemError` where another thread has changed it.
"""

from __future__ import annotations

import ast
import threading

_LOCK = threading.Lock()


def parsed(source: str, filename: str = "<method>") -> ast.Module:
    """Return the syntax tree of a source.

    Raises:
        SyntaxError: it is no Python.
    """
    with _LOCK:
        return ast.parse(source, filename)
