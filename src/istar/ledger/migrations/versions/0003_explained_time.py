"""How much of a worker's processor time the metered FLOPs do not explain.

Revision ID: 0003
Revises: 0002
"""

import json

import sqlalchemy as sa
from alembic import op

from istar.ledger.digests import COLUMN, digest_of
from istar.ledger.errors import DamagedRowError

revision = "0003"
down_revision = "0002"

NAME = "evaluations"
JSON_COLUMNS = ("by_op", "by_region", "unknown")
NEW = "unexplained_cpu_seconds"


def upgrade() -> None:
    """Add the column, not known for the rows that are there, and sign them anew.

    Raises:
        DamagedRowError: a row is not what was signed; it shall not be signed as it is.
    """
    connection = op.get_bind()
    op.add_column(NAME, sa.Column(NEW, sa.Float(53), nullable=True))
    table = sa.Table(NAME, sa.MetaData(), autoload_with=connection)
    sign = table.update().where(table.c.id == sa.bindparam("row")).values(digest=sa.bindparam("signed"))
    signed = []
    for row in connection.execute(sa.select(table)).mappings():
        values = {**row, **{column: json.loads(row[column]) for column in JSON_COLUMNS}}
        if digest_of(NAME, {name: value for name, value in values.items() if name != NEW}) != row[COLUMN]:
            raise DamagedRowError(f"the record in {NAME} with id={row['id']} is not what was written")
        signed.append({"row": row["id"], "signed": digest_of(NAME, values)})
    if signed:
        connection.execute(sign, signed)
