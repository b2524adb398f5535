"""How much of a worker's processor time the metered FLOPs do not explain.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa

from istar.ledger.signing import add_signed_column

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column, not known for the rows that are there."""
    column = sa.Column("unexplained_cpu_seconds", sa.Float(53), nullable=True)
    add_signed_column("evaluations", column, ("by_op", "by_region", "unknown"))
