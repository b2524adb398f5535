"""A run as text: the same lines for the same work, whatever happened on the way.

Left out are the tables' volatile columns (measured time, words on the machine, row numbers). The lines are ordered
by table and key, never by time of arrival.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from istar.ledger.schema import CURVES, EVALUATIONS, METHODS, NAMING_METHODS, OF_A_RUN, RUNS
from istar.ledger.tables import RecordTable, Values


def export_lines(connection: sa.Connection, run: Values) -> Iterator[str]:
    """Yield one JSON object a line for everything that a run holds.

    Args:
        connection: to the database.
        run: the run's row.
    """
    name = run["name"]
    yield _line(RUNS, run)
    used = sa.union(*(sa.select(table.sql.c.method).where(table.sql.c.run == name) for table in NAMING_METHODS))
    yield from _lines(connection, METHODS, METHODS.sql.c.hash.in_(used))
    for table in OF_A_RUN:
        yield from _lines(connection, table, table.sql.c.run == name)
    keyed = [
        ((*EVALUATIONS.order(EVALUATIONS.checked(row)), curve["seed"]), curve["curve"])
        for row in connection.execute(
            sa.select(EVALUATIONS.sql, CURVES.sql).join(CURVES.sql).where(EVALUATIONS.sql.c.run == name)
        )
        for curve in (CURVES.checked(row),)
    ]
    for (stage, method, *_), curve in sorted(keyed, key=lambda item: item[0]):
        yield _text("curves", {"stage": stage, "method": method, **curve})


def _lines(connection: sa.Connection, table: RecordTable[Any], where: sa.ColumnElement[bool]) -> Iterator[str]:
    for values in table.rows(connection, where):
        yield _line(table, values)


def _line(table: RecordTable[Any], values: Values) -> str:
    return _text(table.name, {name: values[name] for name in table.content if name not in table.volatile})


def _text(table: str, values: Values) -> str:
    return json.dumps({"table": table, **values}, sort_keys=True, allow_nan=False)
