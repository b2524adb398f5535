"""Adding a column to rows that are signed already: for migrations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from istar.ledger.digests import COLUMN, digest_of
from istar.ledger.errors import DamagedRowError


def add_signed_column(name: str, new: sa.Column[Any], json_columns: Sequence[str]) -> None:
    """Add a column to a table whose primary key is `id`, and sign the rows that are there anew.

    Args:
        name: the table's name.
        new: the column.
        json_columns: the columns that hold JSON as text, the new one included if it does.

    Raises:
        DamagedRowError: a row is not what was signed; it shall not be signed as it is.
    """
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
