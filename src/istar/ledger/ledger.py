"""The ledger: everything a search did, in a database, committed as soon as it is done.

A search that is killed finds here what it has done and goes on from there. Keys are unique, so nothing is done or
counted twice; records are only ever added. What is stored suffices to compute any reward again.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from istar.ledger import rows
from istar.ledger.errors import DuplicateRecordError, LedgerReadOnlyError
from istar.ledger.models import Base, CurveRow, MethodRow, OpeningRow, RunRow, StateRow
from istar.ledger.reader import LedgerReader
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
    RunConfig,
    RunRecord,
    TaskRecord,
    UseRecord,
)
from istar.ledger.translation import shown_url, translated
from istar.paths import home
from istar.rewards.curves import Curve


def default_ledger() -> Path:
    """Return the path of the user's own ledger."""
    return home() / "ledger.sqlite"


class Ledger(LedgerReader):
    """A ledger in a database.

    Args:
        where: path of a SQLite file, created if there is none, or an SQLAlchemy URL.
        read_only: never write, and fail rather than create or migrate.
        patience: seconds to wait for another process's write (SQLite).

    Raises:
        LedgerError: it cannot be opened; the subclass and the message say why.

    Example:
        >>> with Ledger("sqlite://") as ledger:
        ...     ledger.runs()
        ()
    """

    # Adding a record again is no error where it says the same; only an evaluation can never be added twice.

    def open_run(
        self, name: str, config: RunConfig, *, versions: Mapping[str, str], machine: Mapping[str, str]
    ) -> RunRecord:
        """Open a run, or find the one of this name and config, which then goes on.

        Raises:
            DuplicateRecordError: a run of this name has another config.
        """
        row = RunRow(
            name=name,
            config=rows.config_json(config),
            versions=dict(versions),
            machine=dict(machine),
            status="open",
            opened_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
        with self._writing() as session:
            known = session.get(RunRow, name)
            if known is None:
                session.add(row)
            elif differing := _differing(known.config, row.config):
                raise DuplicateRecordError(
                    f"run {name!r} exists with another config (differing: {', '.join(differing)}); "
                    "give the new run another name, or resume with the old settings"
                )
            return rows.run_record(known or row)

    def finish_run(self, run: str) -> None:
        """Note that the search ended by itself."""
        with self._writing() as session:
            self._run(session, run).status = "finished"

    def add_tasks(self, run: str, tasks: Sequence[TaskRecord]) -> None:
        """Note the tasks of a run, those that were dropped included."""
        self._add(run, [rows.task_row(run, task) for task in tasks])

    def add_question(self, run: str, question: QuestionRecord) -> None:
        """Note what a question costs by brute force."""
        self._add(run, [rows.question_row(run, question)])

    def add_method(
        self, run: str, proposal: ProposalRecord, source: str, parts: Sequence[tuple[PartRecord, str]] = ()
    ) -> None:
        """Note a proposed method and its source, and the methods that it puts side by side, each with its source."""
        added = [MethodRow(hash=proposal.method, source=source), rows.proposal_row(run, proposal)]
        for part, its_source in parts:
            added += [MethodRow(hash=part.method, source=its_source), rows.part_row(run, part)]
        self._add(run, added)

    def add_use(self, run: str, use: UseRecord, source: str) -> None:
        """Note a use of the workbench, and the source of the method that was tried."""
        self._add(run, [MethodRow(hash=use.method, source=source), rows.use_row(run, use)])

    def add_interpretation(self, run: str, interpretation: InterpretationRecord) -> None:
        """Note what it cost to interpret the target."""
        self._add(run, [rows.interpretation_row(run, interpretation)])

    def add_round(self, run: str, outcome: RoundRecord, state: Json = None) -> None:
        """Note the outcome of an iteration together with the researcher's state after it, in one transaction."""
        self._add(run, [rows.round_row(run, outcome), StateRow(run=run, iteration=outcome.iteration, state=state)])

    def add_evaluation(self, run: str, evaluation: EvaluationRecord, curves: Sequence[Curve] = ()) -> None:
        """Store an evaluation and its curves in one transaction.

        Raises:
            DuplicateRecordError: this (stage, method, question) is evaluated already, or a curve belongs elsewhere.
        """
        arm = "black_box" if evaluation.method == BASELINE else "white_box"
        for curve in curves:
            if (curve.task, curve.question_hash, curve.arm) != (evaluation.task, evaluation.question_hash, arm):
                raise DuplicateRecordError(
                    f"a curve of {curve.task} ({curve.arm}, question {curve.question_hash[:12]}) was given for the "
                    f"evaluation of {evaluation.task} ({arm}, question {evaluation.question_hash[:12]})"
                )
        with self._writing() as session:
            self._run(session, run)
            if session.scalar(self._evaluations(run, evaluation.stage, evaluation.method, evaluation.question_hash)):
                raise DuplicateRecordError(
                    f"run {run!r} already holds the evaluation of method {evaluation.method[:12] or 'none'} on "
                    f"question {evaluation.question_index} of {evaluation.task} at stage {evaluation.stage!r}"
                )
            row = rows.evaluation_row(run, evaluation)
            session.add(row)
            session.flush()
            session.add_all(CurveRow(evaluation=row.id, seed=curve.seed, curve=curve.to_json()) for curve in curves)

    def add_opening(
        self, run: str, kind: OpeningKind, *, method: str, iteration: int, revealed: bool, value: float | None
    ) -> OpeningRecord:
        """Note a consultation of held-out tasks and return it with its number; the same one again is not counted twice.

        Raises:
            DuplicateRecordError: the same consultation is noted with another outcome.
        """
        with self._writing() as session:
            self._run(session, run)
            of_kind = (OpeningRow.run == run, OpeningRow.kind == kind)
            known = session.scalar(
                select(OpeningRow).where(*of_kind, OpeningRow.method == method, OpeningRow.iteration == iteration)
            )
            number = session.scalar(select(func.count()).select_from(OpeningRow).where(*of_kind)) or 0
            row = OpeningRow(
                run=run,
                kind=kind,
                number=number + 1 if known is None else known.number,
                method=method,
                iteration=iteration,
                revealed=revealed,
                value=value,
            )
            _add_once(session, row)
            return rows.opening_record(row)

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        if self.read_only:
            raise LedgerReadOnlyError(f"{shown_url(self.url)} was opened for reading only")
        with (
            translated(self.url),
            self._engine.connect().execution_options(writes=True) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def _add(self, run: str, added: Sequence[Base]) -> None:
        with self._writing() as session:
            self._run(session, run)
            for row in added:
                _add_once(session, row)
                session.flush()


def _differing(known: Mapping[str, Json], new: Mapping[str, Json]) -> list[str]:
    """Return the names of the settings in which two configs differ.

    Options that only the new one has were not there yet when the run was begun: whoever resumes it has filled them in.
    """
    asked = {name: value for name, value in new["options"].items() if name in known["options"]}
    new = {**new, "options": asked}
    return sorted(key for key in known.keys() | new.keys() if known.get(key) != new.get(key))


def _add_once(session: Session, row: Base) -> None:
    """Add a row unless the same one is there.

    Raises:
        DuplicateRecordError: a row with its key is there and says something else.
    """
    table = type(row)
    row.fit()
    known = session.get(table, tuple(getattr(row, str(column.key)) for column in table.__mapper__.primary_key))
    if known is None:
        session.add(row)
        return
    differing = [
        column
        for column in table.content()
        if column not in table.volatile and rows.plain(getattr(known, column)) != rows.plain(getattr(row, column))
    ]
    if differing:
        key = ", ".join(f"{column}={getattr(row, column)!r}" for column in table.key)
        raise DuplicateRecordError(
            f"the ledger already holds another record in {table.__tablename__} with {key}: "
            f"{', '.join(differing)} differ"
        )
