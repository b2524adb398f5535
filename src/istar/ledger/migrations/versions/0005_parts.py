"""Which methods a proposal puts side by side in its file.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table; of the proposals that are there it is not known, so they are methods of their own."""
    op.create_table(
        "parts",
        sa.Column("run", sa.String(200), sa.ForeignKey("runs.name"), primary_key=True),
        sa.Column("iteration", sa.Integer(), primary_key=True),
        sa.Column("slot", sa.Integer(), primary_key=True),
        sa.Column("method", sa.String(64), sa.ForeignKey("methods.hash"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
    )
