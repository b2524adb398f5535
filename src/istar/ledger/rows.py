"""Between the ledger's records and its tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from istar.ledger.models import (
    EvaluationRow,
    InterpretationRow,
    OpeningRow,
    PartRow,
    ProposalRow,
    QuestionRow,
    RoundRow,
    RunRow,
    TaskRow,
    UseRow,
)
from istar.ledger.records import (
    BatchSpending,
    EvaluationRecord,
    InterpretationRecord,
    OpeningRecord,
    PartRecord,
    ProposalRecord,
    QuestionRecord,
    RoundRecord,
    RunConfig,
    RunRecord,
    Spending,
    TaskRecord,
    UseRecord,
)

_SPENDING = tuple(field.name for field in fields(Spending))


def plain(value: Any) -> Any:
    """Return a value as it comes back from JSON, so that a stored one and a new one can be compared."""
    return json.loads(json.dumps(value))


def _values(record: Any) -> dict[str, Any]:
    """Return a record's fields, mappings as plain dictionaries."""
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _record(kind: type[Any], row: Any) -> Any:
    """Return the record whose fields are columns of the same names."""
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})


def config_json(config: RunConfig) -> dict[str, Any]:
    """Return a run's config as it is stored."""
    return dict(plain(asdict(config)))


def run_record(row: RunRow) -> RunRecord:
    """Return the record of a row."""
    return RunRecord(
        name=row.name,
        config=RunConfig(**row.config),
        versions=row.versions,
        machine=row.machine,
        status="finished" if row.status == "finished" else "open",
        opened_at=row.opened_at,
    )


def task_row(run: str, record: TaskRecord) -> TaskRow:
    """Return the row of a record."""
    return TaskRow(run=run, **_values(record))


def task_record(row: TaskRow) -> TaskRecord:
    """Return the record of a row."""
    record: TaskRecord = _record(TaskRecord, row)
    return record


def use_row(run: str, record: UseRecord) -> UseRow:
    """Return the row of a record."""
    return UseRow(run=run, **_values(record))


def use_record(row: UseRow) -> UseRecord:
    """Return the record of a row."""
    record: UseRecord = _record(UseRecord, row)
    return record


def question_row(run: str, record: QuestionRecord) -> QuestionRow:
    """Return the row of a record."""
    return QuestionRow(run=run, **_values(record))


def question_record(row: QuestionRow) -> QuestionRecord:
    """Return the record of a row."""
    record: QuestionRecord = _record(QuestionRecord, row)
    return record


def proposal_row(run: str, record: ProposalRecord) -> ProposalRow:
    """Return the row of a record."""
    return ProposalRow(
        run=run,
        iteration=record.iteration,
        method=record.method,
        name=record.name,
        parents=list(record.parents),
        parameters=dict(record.parameters),
    )


def proposal_record(row: ProposalRow) -> ProposalRecord:
    """Return the record of a row."""
    return ProposalRecord(row.iteration, row.method, row.name, tuple(row.parents), row.parameters)


def part_row(run: str, record: PartRecord) -> PartRow:
    """Return the row of a record."""
    return PartRow(run=run, **_values(record))


def part_record(row: PartRow) -> PartRecord:
    """Return the record of a row."""
    record: PartRecord = _record(PartRecord, row)
    return record


def interpretation_row(run: str, record: InterpretationRecord) -> InterpretationRow:
    """Return the row of a record."""
    return InterpretationRow(
        run=run, **{**_values(record), "by_op": dict(record.by_op), "by_region": dict(record.by_region)}
    )


def interpretation_record(row: InterpretationRow) -> InterpretationRecord:
    """Return the record of a row."""
    record: InterpretationRecord = _record(InterpretationRecord, row)
    return record


def round_row(run: str, record: RoundRecord) -> RoundRow:
    """Return the row of a record."""
    return RoundRow(run=run, **_values(record))


def round_record(row: RoundRow) -> RoundRecord:
    """Return the record of a row."""
    record: RoundRecord = _record(RoundRecord, row)
    return record


def opening_record(row: OpeningRow) -> OpeningRecord:
    """Return the record of a row."""
    record: OpeningRecord = _record(OpeningRecord, row)
    return record


def evaluation_row(run: str, record: EvaluationRecord) -> EvaluationRow:
    """Return the row of a record."""
    own = {name: value for name, value in _values(record).items() if name != "spending"}
    batches = [{"flops": each.flops, "by_op": dict(each.by_op)} for each in record.spending.batches]
    return EvaluationRow(run=run, **own, **{**_values(record.spending), "batches": batches})


def evaluation_record(row: EvaluationRow) -> EvaluationRecord:
    """Return the record of a row."""
    own = {field.name: getattr(row, field.name) for field in fields(EvaluationRecord) if field.name != "spending"}
    spent = {name: getattr(row, name) for name in _SPENDING}
    batches = tuple(BatchSpending(**each) for each in spent.pop("batches"))
    return EvaluationRecord(**own, spending=Spending(**spent, batches=batches))
