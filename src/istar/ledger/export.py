"""A run as text: the same lines for the same work, whatever happened on the way.

Left out are the tables' volatile columns (measured time, words on the machine, row numbers). The lines are ordered
by table and key, never by time of arrival.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from istar.ledger.models import (
    Base,
    CurveRow,
    EvaluationRow,
    InterpretationRow,
    MethodRow,
    OpeningRow,
    PartRow,
    ProposalRow,
    QuestionRow,
    RoundRow,
    RunRow,
    StateRow,
    TaskRow,
    UseRow,
)

_OF_A_RUN: tuple[type[Any], ...] = (
    TaskRow,
    QuestionRow,
    ProposalRow,
    PartRow,
    InterpretationRow,
    EvaluationRow,
    RoundRow,
    StateRow,
    OpeningRow,
    UseRow,
)


def export_lines(session: Session, run: RunRow) -> Iterator[str]:
    """Yield one JSON object a line for everything that a run holds."""
    yield _line("runs", _columns(run))
    used = union(*(select(table.method).where(table.run == run.name) for table in (ProposalRow, PartRow, UseRow)))
    yield from _sorted_lines(MethodRow, session.scalars(select(MethodRow).where(MethodRow.hash.in_(used))))
    for table in _OF_A_RUN:
        yield from _sorted_lines(table, session.scalars(select(table).where(table.run == run.name)))
    curves = session.execute(
        select(EvaluationRow, CurveRow)
        .join(CurveRow, CurveRow.evaluation == EvaluationRow.id)
        .where(EvaluationRow.run == run.name)
    )
    keyed = [
        ((evaluation.stage, evaluation.method, evaluation.question_hash, curve.seed), curve.curve)
        for evaluation, curve in curves
    ]
    for key, curve in sorted(keyed, key=lambda item: item[0]):
        yield _line("curves", {"stage": key[0], "method": key[1], **curve})


def _sorted_lines(table: type[Base], found: Any) -> Iterator[str]:
    for row in sorted(found, key=lambda row: tuple(getattr(row, column) for column in table.key)):
        yield _line(table.__tablename__, _columns(row))


def _columns(row: Base) -> dict[str, Any]:
    return {name: getattr(row, name) for name in type(row).content() if name not in type(row).volatile}


def _line(table: str, values: dict[str, Any]) -> str:
    return json.dumps({"table": table, **values}, sort_keys=True, allow_nan=False)
