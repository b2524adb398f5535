"""Reading a ledger: the half of `Ledger` that reports and rewards need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from istar.ledger import rows
from istar.ledger.engine import PATIENCE_SECONDS, ledger_url, migrate, open_engine
from istar.ledger.errors import MissingRecordError
from istar.ledger.export import export_lines
from istar.ledger.models import (
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
from istar.ledger.records import (
    BASELINE,
    EvaluationRecord,
    InterpretationRecord,
    Json,
    OpeningKind,
    OpeningRecord,
    PartRecord,
    ProposalRecord,
    QuestionRecord,
    RoundRecord,
    RunRecord,
    Stage,
    TaskRecord,
    UseRecord,
)
from istar.ledger.translation import shown_url, translated
from istar.rewards.curves import Curve, curve_from_json


class LedgerReader:
    """The reading verbs of a ledger; use `Ledger`, which adds those that write.

    Args:
        where: path of a SQLite file, created if there is none, or an SQLAlchemy URL.
        read_only: never write, and fail rather than create or migrate.
        patience: seconds to wait for another process's write (SQLite).

    Raises:
        LedgerError: it cannot be opened; the subclass and the message say why.
    """

    def __init__(self, where: str | Path, *, read_only: bool = False, patience: float = PATIENCE_SECONDS) -> None:
        """See the class docstring."""
        self.url = ledger_url(where)
        self.read_only = read_only
        self._engine = open_engine(self.url, read_only=read_only, patience=patience)
        try:
            migrate(self._engine, self.url, read_only=read_only)
        except BaseException:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Return the ledger itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def run(self, name: str) -> RunRecord:
        """Return a run.

        Raises:
            MissingRecordError: there is none of this name; the message lists those there are.
        """
        with self._reading() as session:
            return rows.run_record(self._run(session, name))

    def runs(self) -> tuple[RunRecord, ...]:
        """Return all runs, the first opened first."""
        with self._reading() as session:
            found = sorted(session.scalars(select(RunRow)), key=lambda row: (row.opened_at, row.name))
            return tuple(map(rows.run_record, found))

    def tasks(self, run: str) -> tuple[TaskRecord, ...]:
        """Return the tasks of a run by name."""
        return tuple(map(rows.task_record, self._all(TaskRow, run)))

    def questions(self, run: str) -> tuple[QuestionRecord, ...]:
        """Return what the questions of a run cost by brute force, by hash."""
        return tuple(map(rows.question_record, self._all(QuestionRow, run)))

    def proposals(self, run: str) -> tuple[ProposalRecord, ...]:
        """Return the proposals of a run in their order."""
        return tuple(map(rows.proposal_record, self._all(ProposalRow, run)))

    def parts(self, run: str) -> tuple[PartRecord, ...]:
        """Return the methods that proposals of a run put side by side, by iteration and place."""
        return tuple(map(rows.part_record, self._all(PartRow, run)))

    def interpretations(self, run: str) -> tuple[InterpretationRecord, ...]:
        """Return the costs of all interpretations of a run."""
        return tuple(map(rows.interpretation_record, self._all(InterpretationRow, run)))

    def rounds(self, run: str) -> tuple[RoundRecord, ...]:
        """Return the outcomes of a run's iterations in their order."""
        return tuple(map(rows.round_record, self._all(RoundRow, run)))

    def openings(self, run: str, kind: OpeningKind) -> tuple[OpeningRecord, ...]:
        """Return the consultations of one kind in their order."""
        return tuple(rows.opening_record(row) for row in self._all(OpeningRow, run) if row.kind == kind)

    def uses(self, run: str) -> tuple[UseRecord, ...]:
        """Return the uses that a run's researcher made of its workbench, in their order."""
        return tuple(map(rows.use_record, self._all(UseRow, run)))

    def state(self, run: str) -> tuple[int, Json] | None:
        """Return the last finished iteration and the researcher's state after it, None before the first."""
        with self._reading() as session:
            self._run(session, run)
            row = session.scalar(select(StateRow).where(StateRow.run == run).order_by(StateRow.iteration.desc()))
            return None if row is None else (row.iteration, row.state)

    def source(self, method: str) -> str:
        """Return the source of a method.

        Raises:
            MissingRecordError: the ledger holds no method of this hash.
        """
        with self._reading() as session:
            row = session.get(MethodRow, method)
            if row is None:
                raise MissingRecordError(f"the ledger {shown_url(self.url)} holds no method with hash {method!r}")
            return row.source

    def evaluation(self, run: str, stage: Stage, method: str, question_hash: str) -> EvaluationRecord | None:
        """Return the evaluation with this key, None if it was not made yet."""
        with self._reading() as session:
            row = session.scalar(self._evaluations(run, stage, method, question_hash))
            return None if row is None else rows.evaluation_record(row)

    def evaluations(
        self, run: str, *, stage: Stage | None = None, method: str | None = None
    ) -> tuple[EvaluationRecord, ...]:
        """Return evaluations ordered by stage, method, task and question."""
        with self._reading() as session:
            self._run(session, run)
            found = sorted(session.scalars(self._evaluations(run, stage, method)), key=_order)
            return tuple(map(rows.evaluation_record, found))

    def curves(
        self, run: str, *, stage: Stage | None = None, method: str | None = None, question_hash: str | None = None
    ) -> tuple[Curve, ...]:
        """Return the curves of the evaluations selected, ordered by stage, method, task, question and seed."""
        with self._reading() as session:
            self._run(session, run)
            selected = self._evaluations(run, stage, method, question_hash)
            found = session.execute(
                selected.join(CurveRow, CurveRow.evaluation == EvaluationRow.id).with_only_columns(
                    EvaluationRow, CurveRow
                )
            )
            ordered = sorted(found, key=lambda pair: (*_order(pair[0]), pair[1].seed))
            return tuple(curve_from_json(row.curve) for _, row in ordered)

    def paired_curves(self, run: str, stage: Stage, method: str) -> tuple[tuple[Curve, ...], tuple[Curve, ...]]:
        """Return the curves of both arms on the questions that a method was evaluated on: black box, white box.

        A question that only one arm has answered yet, since the run was killed in between, is left out.
        """
        white = self.curves(run, stage=stage, method=method)
        wanted = {(curve.question_hash, curve.seed) for curve in white}
        black = self.curves(run, stage="baseline", method=BASELINE)
        black = tuple(curve for curve in black if (curve.question_hash, curve.seed) in wanted)
        there = {(curve.question_hash, curve.seed) for curve in black}
        return black, tuple(curve for curve in white if (curve.question_hash, curve.seed) in there)

    def export(self, run: str) -> Iterator[str]:
        """Yield everything a run holds as JSON lines in a fixed order, without times and words on the machine.

        Two runs of one config give the same lines, however often one of them was killed and resumed.
        """
        with self._reading() as session:
            yield from export_lines(session, self._run(session, run))

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with translated(self.url, reading=True), Session(self._engine) as session:
            yield session

    def _run(self, session: Session, name: str) -> RunRow:
        row = session.get(RunRow, name)
        if row is None:
            names = ", ".join(sorted(session.scalars(select(RunRow.name)))) or "none"
            raise MissingRecordError(f"the ledger {shown_url(self.url)} holds no run {name!r}; it holds: {names}")
        return row

    def _all(self, table: type[Any], run: str) -> tuple[Any, ...]:
        with self._reading() as session:
            self._run(session, run)
            found = session.scalars(select(table).where(table.run == run))
            return tuple(sorted(found, key=lambda row: tuple(getattr(row, column) for column in table.key)))

    @staticmethod
    def _evaluations(run: str, stage: str | None, method: str | None, question_hash: str | None = None) -> Any:
        wanted = {"stage": stage, "method": method, "question_hash": question_hash}
        given = {column: value for column, value in wanted.items() if value is not None}
        return select(EvaluationRow).filter_by(run=run, **given)


def _order(row: EvaluationRow) -> tuple[str, str, str, int, str]:
    """Return what evaluations are ordered by, in Python: databases differ in how they compare texts."""
    return row.stage, row.method, row.task, row.question_index, row.question_hash
