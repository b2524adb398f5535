"""What pricing by another rulebook needs: FLOPs by operation of each batch of channels, and of a question's rows.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from istar.ledger.signing import add_signed_column

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column, empty for the rows that are there, and the table."""
    column = sa.Column("batches", sa.Text(), nullable=False, server_default="[]")
    add_signed_column("evaluations", column, ("by_op", "by_region", "unknown", "batches"))
    op.create_table(
        "questions",
        sa.Column("run", sa.String(200), sa.ForeignKey("runs.name"), primary_key=True),
        sa.Column("question_hash", sa.String(64), primary_key=True),
        sa.Column("task", sa.String(200), nullable=False),
        sa.Column("rulebook", sa.String(20), nullable=False),
        sa.Column("rows_by_op", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
    )
