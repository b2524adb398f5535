"""Reading a ledger: the half of `Ledger` that reports and rewards need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from istar.ledger.engine import PATIENCE_SECONDS, ledger_url, migrate, open_engine
from istar.ledger.errors import MissingRecordError, shown_url, translated
from istar.ledger.export import export_lines
from istar.ledger.schema import (
    ANSWERS,
    BASELINE,
    CALLS,
    CURVES,
    DRAWS,
    EVALUATIONS,
    INTERPRETATIONS,
    METHODS,
    MOVES,
    OPENINGS,
    PARTS,
    PROPOSALS,
    QUESTIONS,
    ROUNDS,
    RUNS,
    STATES,
    TASKS,
    USES,
    AnswerRecord,
    CallRecord,
    DrawRecord,
    EvaluationRecord,
    InterpretationRecord,
    Json,
    MoveRecord,
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
from istar.ledger.tables import Record, RecordTable, Values
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
        with self._reading() as connection:
            return RUNS.record(self._run(connection, name))

    def runs(self) -> tuple[RunRecord, ...]:
        """Return all runs, the first opened first."""
        with self._reading() as connection:
            found = map(RUNS.record, RUNS.rows(connection, sa.true()))
            return tuple(sorted(found, key=lambda each: (each.opened_at, each.name)))

    def tasks(self, run: str) -> tuple[TaskRecord, ...]:
        """Return the tasks of a run by name."""
        return self._all(TASKS, run)

    def questions(self, run: str) -> tuple[QuestionRecord, ...]:
        """Return what the questions of a run cost by brute force, by hash."""
        return self._all(QUESTIONS, run)

    def proposals(self, run: str) -> tuple[ProposalRecord, ...]:
        """Return the proposals of a run in their order."""
        return self._all(PROPOSALS, run)

    def parts(self, run: str) -> tuple[PartRecord, ...]:
        """Return the methods that proposals of a run put side by side, by iteration and place."""
        return self._all(PARTS, run)

    def moves(self, run: str) -> tuple[MoveRecord, ...]:
        """Return red's moves of a duel by round, part and number."""
        return self._all(MOVES, run)

    def interpretations(self, run: str) -> tuple[InterpretationRecord, ...]:
        """Return the costs of all interpretations of a run."""
        return self._all(INTERPRETATIONS, run)

    def rounds(self, run: str) -> tuple[RoundRecord, ...]:
        """Return the outcomes of a run's iterations in their order."""
        return self._all(ROUNDS, run)

    def openings(self, run: str, kind: OpeningKind) -> tuple[OpeningRecord, ...]:
        """Return the consultations of one kind in their order."""
        return tuple(opening for opening in self._all(OPENINGS, run) if opening.kind == kind)

    def families_opened(self) -> dict[str, int]:
        """Return how often the test was opened on each family, in all runs of this ledger, by family.

        Each opening asks all test tasks of its run; a family of which no question was asked yet was not seen.
        """
        found: Counter[str] = Counter()
        for run in self.runs():
            if openings := len(self.openings(run.name, "test")):
                asked_of = {each.family for each in self.evaluations(run.name, stage="test")}
                found.update(dict.fromkeys(asked_of, openings))
        return dict(sorted(found.items()))

    def draw(self, run: str, method: str, iteration: int) -> DrawRecord | None:
        """Return the fresh questions that opening the test for a method of an iteration asks, None if it asks none."""
        found = [each for each in self._all(DRAWS, run) if (each.method, each.iteration) == (method, iteration)]
        return found[0] if found else None

    def uses(self, run: str) -> tuple[UseRecord, ...]:
        """Return the uses that a run's researcher made of its workbench, in their order."""
        return self._all(USES, run)

    def calls(self, run: str) -> tuple[CallRecord, ...]:
        """Return the calls of an episode's tools, in their order."""
        return self._all(CALLS, run)

    def answers(self, run: str) -> tuple[AnswerRecord, ...]:
        """Return which of these calls were answered, and what each took, in their order."""
        return self._all(ANSWERS, run)

    def state(self, run: str) -> tuple[int, Json] | None:
        """Return the last finished iteration and the researcher's state after it, None before the first."""
        noted = self._all(STATES, run)
        return (noted[-1].iteration, noted[-1].state) if noted else None

    def source(self, method: str) -> str:
        """Return the source of a method.

        Raises:
            MissingRecordError: the ledger holds no method of this hash.
        """
        with self._reading() as connection:
            for values in METHODS.rows(connection, METHODS.sql.c.hash == method):
                return METHODS.record(values).source
        raise MissingRecordError(f"the ledger {shown_url(self.url)} holds no method with hash {method!r}")

    def evaluation(self, run: str, stage: Stage, method: str, question_hash: str) -> EvaluationRecord | None:
        """Return the evaluation with this key, None if it was not made yet."""
        with self._reading() as connection:
            for values in EVALUATIONS.rows(connection, asked(run, stage, method, question_hash)):
                return EVALUATIONS.record(values)
        return None

    def evaluations(
        self, run: str, *, stage: Stage | None = None, method: str | None = None
    ) -> tuple[EvaluationRecord, ...]:
        """Return evaluations ordered by stage, method, task and question."""
        with self._reading() as connection:
            self._run(connection, run)
            found = sorted(EVALUATIONS.rows(connection, asked(run, stage, method)), key=_order)
            return tuple(map(EVALUATIONS.record, found))

    def curves(
        self, run: str, *, stage: Stage | None = None, method: str | None = None, question_hash: str | None = None
    ) -> tuple[Curve, ...]:
        """Return the curves of the evaluations selected, ordered by stage, method, task, question and seed."""
        with self._reading() as connection:
            self._run(connection, run)
            selected = sa.select(EVALUATIONS.sql, CURVES.sql).join(CURVES.sql)
            found = [
                (*_order(EVALUATIONS.checked(row)), CURVES.record(CURVES.checked(row)))
                for row in connection.execute(selected.where(asked(run, stage, method, question_hash)))
            ]
            found.sort(key=lambda each: (each[:-1], each[-1].seed))
            return tuple(curve_from_json(each[-1].curve) for each in found)

    def paired_curves(
        self, run: str, stage: Stage, method: str, baseline: Sequence[Curve] | None = None
    ) -> tuple[tuple[Curve, ...], tuple[Curve, ...]]:
        """Return the curves of both arms on the questions that a method was evaluated on: black box, white box.

        A question that only one arm has answered yet, since the run was killed in between, is left out.

        Args:
            run: the run.
            stage: the stage.
            method: hash of the method.
            baseline: the run's curves of the black box, where they were read before; else they are read.
        """
        white = self.curves(run, stage=stage, method=method)
        wanted = {(curve.question_hash, curve.seed) for curve in white}
        known = self.curves(run, stage="baseline", method=BASELINE) if baseline is None else baseline
        black = tuple(curve for curve in known if (curve.question_hash, curve.seed) in wanted)
        there = {(curve.question_hash, curve.seed) for curve in black}
        return black, tuple(curve for curve in white if (curve.question_hash, curve.seed) in there)

    def export(self, run: str) -> Iterator[str]:
        """Yield everything a run holds as JSON lines in a fixed order, without times and words on the machine.

        Two runs of one config give the same lines, however often one of them was killed and resumed.
        """
        with self._reading() as connection:
            yield from export_lines(connection, self._run(connection, run))

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with translated(self.url, reading=True), self._engine.connect() as connection:
            yield connection

    def _run(self, connection: sa.Connection, name: str) -> Values:
        for values in RUNS.rows(connection, RUNS.sql.c.name == name):
            return values
        names = ", ".join(sorted(connection.scalars(sa.select(RUNS.sql.c.name)))) or "none"
        raise MissingRecordError(f"the ledger {shown_url(self.url)} holds no run {name!r}; it holds: {names}")

    def _all(self, table: RecordTable[Record], run: str) -> tuple[Record, ...]:
        with self._reading() as connection:
            self._run(connection, run)
            return tuple(map(table.record, table.rows(connection, table.sql.c.run == run)))


def asked(run: str, stage: str | None, method: str | None, question_hash: str | None = None) -> sa.ColumnElement[bool]:
    """Return the condition that an evaluation is one of those asked for; None stands for all."""
    wanted = {"run": run, "stage": stage, "method": method, "question_hash": question_hash}
    columns = EVALUATIONS.sql.c
    return sa.and_(*(columns[name] == value for name, value in wanted.items() if value is not None))


def _order(values: Values) -> tuple[str, str, str, int, str]:
    """Return what evaluations are ordered by."""
    return values["stage"], values["method"], values["task"], values["question_index"], values["question_hash"]
