"""A digest for every row, so that a changed byte is noticed.

Revision ID: 0002
Revises: 0001
"""

import json

import sqlalchemy as sa
from alembic import op

from istar.ledger.signing import digest_of

revision = "0002"
down_revision = "0001"

JSON_COLUMNS = {
    "runs": ("config", "versions", "machine"),
    "methods": (),
    "tasks": (),
    "proposals": ("parents", "parameters"),
    "interpretations": ("by_op", "by_region"),
    "evaluations": ("by_op", "by_region", "unknown"),
    "curves": ("curve",),
    "rounds": (),
    "states": ("state",),
    "openings": (),
}
"""The tables, and which of their columns hold JSON as text."""


def upgrade() -> None:
    """Add the column, and sign the rows that are there."""
    connection = op.get_bind()
    for name in JSON_COLUMNS:
        op.add_column(name, sa.Column("digest", sa.String(64), nullable=False, server_default=""))
    metadata = sa.MetaData()
    for name, json_columns in JSON_COLUMNS.items():
        table = sa.Table(name, metadata, autoload_with=connection)
        keys = list(table.primary_key.columns)
        sign = table.update().where(*(key == sa.bindparam(f"key_{key.name}") for key in keys))
        sign = sign.values(digest=sa.bindparam("signed"))
        signed = []
        for row in connection.execute(sa.select(table)).mappings():
            values = {**row, **{column: json.loads(row[column]) for column in json_columns}}
            entry = {f"key_{key.name}": row[key.name] for key in keys}
            signed.append({**entry, "signed": digest_of(name, values)})
        if signed:
            connection.execute(sign, signed)
