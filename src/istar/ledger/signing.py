"""The digest that every row carries: a changed byte in the database is an error and never another figure.

It covers all of a row's columns but the digest itself and numbers that the database hands out. SQLite keeps no
checksums of its own, and PostgreSQL does so only where it was told to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from istar.ledger.errors import DamagedRowError

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


def add_signed_column(name: str, new: sa.Column[Any], json_columns: Sequence[str]) -> None:
    """Add a column to a table whose primary key is `id`, and sign the rows that are there anew: for migrations.

    Args:
        name: the table's name.
        new: the column.
        json_columns: the columns that hold JSON as text, the new one included if it does.

    Raises:
        DamagedRowError: a row is not what was signed; it shall not be signed as it is.
    """
    from alembic import op

    connection = op.get_bind()
    op.add_column(name, new)
    table = sa.Table(name, sa.MetaData(), autoload_with=connection)
    sign = table.update().where(table.c.id == sa.bindparam("row")).values(digest=sa.bindparam("signed"))
    signed = []
    for row in connection.execute(sa.select(table)).mappings():
        values = {**row, **{column: json.loads(row[column]) for column in json_columns}}
        if digest_of(name, {key: value for key, value in values.items() if key != new.name}) != row[COLUMN]:
            raise DamagedRowError(f"the record in {name} with id={row['id']} is not what was written")
        signed.append({"row": row["id"], "signed": digest_of(name, values)})
    if signed:
        connection.execute(sign, signed)
