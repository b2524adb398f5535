"""Which fresh questions the test was opened on.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table; the openings that are there asked questions with shipped tables."""
    op.create_table(
        "draws",
        sa.Column("run", sa.String(200), sa.ForeignKey("runs.name"), primary_key=True),
        sa.Column("iteration", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("method", sa.String(64), primary_key=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
    )
