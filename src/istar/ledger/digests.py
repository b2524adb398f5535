"""The digest that every row carries: a changed byte in the database is an error and never another figure.

It covers all of a row's columns but the digest itself and numbers that the database hands out. SQLite keeps no
checksums of its own, and PostgreSQL does so only where it was told to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

COLUMN = "digest"
HANDED_OUT = {"evaluations": frozenset({"id"})}
"""Columns whose values the database chooses when a row is written, by table."""


def canonical(value: Any) -> str:
    """Return JSON with sorted keys and no NaN: the same value gives the same text, also after it was read back."""
    return json.dumps(json.loads(json.dumps(value, allow_nan=False)), sort_keys=True, separators=(",", ":"))


def digest_of(table: str, values: Mapping[str, Any]) -> str:
    """Return the digest of a row, SHA-256 in hexadecimal.

    Args:
        table: the table's name.
        values: every column's value as Python has it: numbers, text, booleans, and what JSON columns hold.
    """
    left_out = HANDED_OUT.get(table, frozenset()) | {COLUMN}
    covered = {name: value for name, value in values.items() if name not in left_out}
    return hashlib.sha256(canonical([table, covered]).encode()).hexdigest()
