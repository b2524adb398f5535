"""Run by alembic: applies the migrations on the connection that `istar.ledger.engine` holds."""

from alembic import context

from istar.ledger.schema import TABLES

context.configure(connection=context.config.attributes["connection"], target_metadata=TABLES, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
