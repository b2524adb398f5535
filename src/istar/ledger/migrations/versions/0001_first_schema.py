"""The first schema.

Revision ID: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NAME = sa.String(200)
HASH = sa.String(64)
WORD = sa.String(20)
JSON = sa.Text
REAL = sa.Float(53)


def _run_key() -> sa.Column[str]:
    return sa.Column("run", NAME, sa.ForeignKey("runs.name"), primary_key=True)


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "runs",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("config", JSON, nullable=False),
        sa.Column("versions", JSON, nullable=False),
        sa.Column("machine", JSON, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("opened_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "methods",
        sa.Column("hash", HASH, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_table(
        "tasks",
        _run_key(),
        sa.Column("task", NAME, primary_key=True),
        sa.Column("family", NAME, nullable=False),
        sa.Column("split", WORD, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("questions", sa.Integer, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("brute_flops", sa.BigInteger, nullable=False),
        sa.Column("dearest_run_flops", sa.BigInteger, nullable=False),
        sa.Column("reliability", REAL),
    )
    op.create_table(
        "proposals",
        _run_key(),
        sa.Column("iteration", sa.Integer, primary_key=True),
        sa.Column("method", HASH, sa.ForeignKey("methods.hash"), nullable=False, index=True),
        sa.Column("name", NAME, nullable=False),
        sa.Column("parents", JSON, nullable=False),
        sa.Column("parameters", JSON, nullable=False),
    )
    op.create_table(
        "interpretations",
        _run_key(),
        sa.Column("method", HASH, primary_key=True),
        sa.Column("target", NAME, primary_key=True),
        sa.Column("corpus", HASH, primary_key=True),
        sa.Column("rulebook", WORD, primary_key=True),
        sa.Column("flops", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", HASH, nullable=False),
        sa.Column("by_op", JSON, nullable=False),
        sa.Column("by_region", JSON, nullable=False),
        sa.Column("seconds", REAL, nullable=False),
    )
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run", NAME, sa.ForeignKey("runs.name"), nullable=False),
        sa.Column("stage", WORD, nullable=False),
        sa.Column("method", HASH, nullable=False),
        sa.Column("task", NAME, nullable=False),
        sa.Column("split", WORD, nullable=False),
        sa.Column("question_hash", HASH, nullable=False),
        sa.Column("question_index", sa.Integer, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("prepare_flops", sa.BigInteger, nullable=False),
        sa.Column("flops", sa.BigInteger, nullable=False),
        sa.Column("matmul_flops", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("by_op", JSON, nullable=False),
        sa.Column("by_region", JSON, nullable=False),
        sa.Column("unknown", JSON, nullable=False),
        sa.Column("cpu_seconds", REAL, nullable=False),
        sa.Column("seconds", REAL, nullable=False),
        sa.UniqueConstraint("run", "stage", "method", "question_hash", name="one_evaluation_each"),
    )
    op.create_table(
        "curves",
        sa.Column("evaluation", sa.Integer, sa.ForeignKey("evaluations.id"), primary_key=True),
        sa.Column("seed", sa.Integer, primary_key=True),
        sa.Column("curve", JSON, nullable=False),
    )
    op.create_table(
        "rounds",
        _run_key(),
        sa.Column("iteration", sa.Integer, primary_key=True),
        sa.Column("method", HASH, nullable=False),
        sa.Column("stage", WORD, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("reward", REAL),
        sa.Column("standard_error", REAL),
        sa.Column("validation_reward", REAL),
        sa.Column("improved", sa.Boolean, nullable=False),
        sa.Column("best_method", HASH, nullable=False),
        sa.Column("best_reward", REAL),
        sa.Column("seconds", REAL, nullable=False),
    )
    op.create_table(
        "states",
        _run_key(),
        sa.Column("iteration", sa.Integer, primary_key=True),
        sa.Column("state", JSON, nullable=False),
    )
    op.create_table(
        "openings",
        _run_key(),
        sa.Column("kind", WORD, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("method", HASH, nullable=False),
        sa.Column("iteration", sa.Integer, nullable=False),
        sa.Column("revealed", sa.Boolean, nullable=False),
        sa.Column("value", REAL),
        sa.UniqueConstraint("run", "kind", "method", "iteration", name="one_opening_each"),
    )
