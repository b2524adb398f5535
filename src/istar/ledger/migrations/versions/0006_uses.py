"""What a researcher tried on its workbench before it proposed.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "uses",
        sa.Column("run", sa.String(200), sa.ForeignKey("runs.name"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("phase", sa.String(20), nullable=False),
        sa.Column("iteration", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("method", sa.String(64), sa.ForeignKey("methods.hash"), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("questions", sa.Integer, nullable=False),
        sa.Column("flops", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
    )
