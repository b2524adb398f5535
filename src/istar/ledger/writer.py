"""The ledger: everything a search did, in a database, committed as soon as it is done.

A search that is killed finds here what it has done and goes on from there. Keys are unique, so nothing is done or
counted twice; records are only ever added. What is stored suffices to compute any reward again.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from istar.ledger.errors import DuplicateRecordError, LedgerReadOnlyError, shown_url, translated
from istar.ledger.reader import LedgerReader, asked
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
    CurveRecord,
    DrawRecord,
    EvaluationRecord,
    InterpretationRecord,
    Json,
    MethodRecord,
    MoveRecord,
    OpeningKind,
    OpeningRecord,
    PartRecord,
    ProposalRecord,
    QuestionRecord,
    RoundRecord,
    RunConfig,
    RunRecord,
    StateRecord,
    TaskRecord,
    UseRecord,
)
from istar.ledger.tables import RecordTable, Values
from istar.paths import home
from istar.rewards.curves import Curve

Entry = tuple[RecordTable[Any], Any]
"""A record with the table it belongs to."""


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
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with self._writing() as connection:
            row = RUNS.row(RunRecord(name, config, versions, machine, "open", now))
            known = next(iter(RUNS.rows(connection, RUNS.same(row))), None)
            if known is None:
                connection.execute(sa.insert(RUNS.sql).values(row))
            elif differing := _differing(known["config"], row["config"]):
                raise DuplicateRecordError(
                    f"run {name!r} exists with another config (differing: {', '.join(differing)}); "
                    "give the new run another name, or resume with the old settings"
                )
            return RUNS.record(known or row)

    def finish_run(self, run: str) -> None:
        """Note that the search ended by itself."""
        with self._writing() as connection:
            row = RUNS.signed({**self._run(connection, run), "status": "finished"})
            connection.execute(sa.update(RUNS.sql).where(RUNS.same(row)).values(row))

    def add_tasks(self, run: str, tasks: Sequence[TaskRecord]) -> None:
        """Note the tasks of a run, those that were dropped included."""
        self._add(run, [(TASKS, task) for task in tasks])

    def add_draw(self, run: str, draw: DrawRecord) -> None:
        """Note the fresh questions that an opening of the test asks, before it is noted itself."""
        self._add(run, [(DRAWS, draw)])

    def add_question(self, run: str, question: QuestionRecord) -> None:
        """Note what a question costs by brute force."""
        self._add(run, [(QUESTIONS, question)])

    def add_method(
        self, run: str, proposal: ProposalRecord, source: str, parts: Sequence[tuple[PartRecord, str]] = ()
    ) -> None:
        """Note a proposed method and its source, and the methods that it puts side by side, each with its source."""
        added: list[Entry] = [(METHODS, MethodRecord(proposal.method, source)), (PROPOSALS, proposal)]
        for part, text in parts:
            added += [(METHODS, MethodRecord(part.method, text)), (PARTS, part)]
        self._add(run, added)

    def add_use(self, run: str, use: UseRecord, source: str) -> None:
        """Note a use of the workbench, and the source of the method that was tried."""
        self._add(run, [(METHODS, MethodRecord(use.method, source)), (USES, use)])

    def add_call(self, run: str, call: CallRecord, source: str | None = None) -> None:
        """Note a call of an episode's tool, and the source of the method that it was given."""
        method: list[Entry] = [] if call.method is None else [(METHODS, MethodRecord(call.method, source or ""))]
        self._add(run, [*method, (CALLS, call)])

    def add_answer(self, run: str, answer: AnswerRecord) -> None:
        """Note that a call was answered, and what it took."""
        self._add(run, [(ANSWERS, answer)])

    def add_move(self, run: str, move: MoveRecord) -> None:
        """Note a move of red's in a duel."""
        self._add(run, [(MOVES, move)])

    def add_interpretation(self, run: str, interpretation: InterpretationRecord) -> None:
        """Note what it cost to interpret the target."""
        self._add(run, [(INTERPRETATIONS, interpretation)])

    def add_round(self, run: str, outcome: RoundRecord, state: Json = None) -> None:
        """Note the outcome of an iteration together with the researcher's state after it, in one transaction."""
        self._add(run, [(ROUNDS, outcome), (STATES, StateRecord(outcome.iteration, state))])

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
        with self._writing() as connection:
            self._run(connection, run)
            there = asked(run, evaluation.stage, evaluation.method, evaluation.question_hash)
            if connection.scalar(sa.select(EVALUATIONS.sql.c.id).where(there)) is not None:
                raise DuplicateRecordError(
                    f"run {run!r} already holds the evaluation of method {evaluation.method[:12] or 'none'} on "
                    f"question {evaluation.question_index} of {evaluation.task} at stage {evaluation.stage!r}"
                )
            written = connection.execute(sa.insert(EVALUATIONS.sql).values(EVALUATIONS.row(evaluation, run=run)))
            number = written.inserted_primary_key
            assert number is not None
            for curve in curves:
                row = CURVES.row(CurveRecord(number[0], curve.seed, curve.to_json()))
                connection.execute(sa.insert(CURVES.sql).values(row))

    def add_opening(
        self, run: str, kind: OpeningKind, *, method: str, iteration: int, revealed: bool, value: float | None
    ) -> OpeningRecord:
        """Note a consultation of held-out tasks and return it with its number; the same one again is not counted twice.

        Raises:
            DuplicateRecordError: the same consultation is noted with another outcome.
        """
        with self._writing() as connection:
            self._run(connection, run)
            columns = OPENINGS.sql.c
            of_kind = OPENINGS.rows(connection, sa.and_(columns.run == run, columns.kind == kind))
            known = [each["number"] for each in of_kind if (each["method"], each["iteration"]) == (method, iteration)]
            number = known[0] if known else len(of_kind) + 1
            row = OPENINGS.row(OpeningRecord(kind, number, method, iteration, revealed, value), run=run)
            _add_once(connection, OPENINGS, row)
            return OPENINGS.record(row)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        if self.read_only:
            raise LedgerReadOnlyError(f"{shown_url(self.url)} was opened for reading only")
        with (
            translated(self.url),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    def _add(self, run: str, added: Sequence[Entry]) -> None:
        with self._writing() as connection:
            self._run(connection, run)
            for table, record in added:
                _add_once(connection, table, table.row(record, **({"run": run} if table.of_run else {})))


def _differing(known: Mapping[str, Json], new: Mapping[str, Json]) -> list[str]:
    """Return the names of the settings in which two configs differ.

    Options that only the new one has were not there yet when the run was begun: whoever resumes it has filled them in.
    """
    stated = {name: value for name, value in new["options"].items() if name in known["options"]}
    new = {**new, "options": stated}
    return sorted(key for key in known.keys() | new.keys() if known.get(key) != new.get(key))


def _add_once(connection: sa.Connection, table: RecordTable[Any], row: Values) -> None:
    """Add a row unless the same one is there.

    Raises:
        DuplicateRecordError: a row with its key is there and says something else.
    """
    for known in table.rows(connection, table.same(row)):
        if differing := table.differing(known, row):
            key = ", ".join(f"{column}={row[column]!r}" for column in table.key)
            raise DuplicateRecordError(
                f"the ledger already holds another record in {table.name} with {key}: {', '.join(differing)} differ"
            )
        return
    connection.execute(sa.insert(table.sql).values(row))
