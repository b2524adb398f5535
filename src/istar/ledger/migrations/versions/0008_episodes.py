"""What is called in an episode, and what each call takes.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "calls",
        sa.Column("run", sa.String(200), sa.ForeignKey("runs.name"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tool", sa.String(20), nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("method", sa.String(64), sa.ForeignKey("methods.hash"), nullable=True),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
    )
    op.create_table(
        "answers",
        sa.Column("run", sa.String(200), sa.ForeignKey("runs.name"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("flops", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
    )
