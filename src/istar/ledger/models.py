"""The ledger's tables.

Each table states its key (the columns that name a record among those of its run) and which of its columns are
volatile: measured time, and words on the machine, which differ between two runs that are otherwise the same.
"""

from __future__ import annotations

import json
import math
from typing import Any, ClassVar

from sqlalchemy import Boolean, Float, ForeignKey, Integer, String, Text, UniqueConstraint, event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import BigInteger, TypeDecorator

from istar.ledger.digests import COLUMN, canonical, digest_of
from istar.ledger.errors import DamagedRowError, LedgerError
from istar.texts import NAME_LENGTH, UNSTORABLE

NAME = NAME_LENGTH
HASH = 64


class CanonicalJson(TypeDecorator[Any]):
    """JSON as text with sorted keys and no NaN: the same value gives the same bytes on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Return the text that is stored."""
        return canonical(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the value that was stored."""
        return json.loads(value)


class Base(DeclarativeBase):
    """Base class of the tables; every table but those of runs and methods belongs to a run."""

    key: ClassVar[tuple[str, ...]]
    volatile: ClassVar[frozenset[str]] = frozenset()

    digest: Mapped[str] = mapped_column(String(HASH), server_default="")

    @classmethod
    def content(cls) -> tuple[str, ...]:
        """Return the names of the columns that say something: all but the digest."""
        return tuple(str(column.key) for column in cls.__mapper__.columns if column.key != COLUMN)

    def expected_digest(self) -> str:
        """Return the digest that the row's content should have."""
        return digest_of(self.__tablename__, {name: getattr(self, name) for name in self.content()})

    def fit(self) -> None:
        """Give every column the value that any database gives back for it.

        Raises:
            LedgerError: some database could not hold one; then none shall.
        """
        for column in type(self).__mapper__.columns:
            name = str(column.key)
            setattr(self, name, _fitted(f"{self.__tablename__}.{name}", column.type, getattr(self, name)))


class RunRow(Base):
    """A search."""

    __tablename__ = "runs"
    key = ("name",)
    volatile = frozenset({"machine", "opened_at"})

    name: Mapped[str] = mapped_column(String(NAME), primary_key=True)
    config: Mapped[Any] = mapped_column(CanonicalJson)
    versions: Mapped[Any] = mapped_column(CanonicalJson)
    machine: Mapped[Any] = mapped_column(CanonicalJson)
    status: Mapped[str] = mapped_column(String(20))
    opened_at: Mapped[str] = mapped_column(String(40))


class MethodRow(Base):
    """The source of a method, filed under its hash and shared by all runs."""

    __tablename__ = "methods"
    key = ("hash",)

    hash: Mapped[str] = mapped_column(String(HASH), primary_key=True)
    source: Mapped[str] = mapped_column(Text)


class TaskRow(Base):
    """A task as it stood when the run was opened."""

    __tablename__ = "tasks"
    key = ("task",)

    run: Mapped[str] = mapped_column(ForeignKey("runs.name"), primary_key=True)
    task: Mapped[str] = mapped_column(String(NAME), primary_key=True)
    family: Mapped[str] = mapped_column(String(NAME))
    split: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    questions: Mapped[int] = mapped_column(Integer)
    rows: Mapped[int] = mapped_column(Integer)
    brute_flops: Mapped[int] = mapped_column(BigInteger)
    dearest_run_flops: Mapped[int] = mapped_column(BigInteger)
    reliability: Mapped[float | None] = mapped_column(Float(53))


class QuestionRow(Base):
    """What buying all rows of a question takes, by part and operation."""

    __tablename__ = "questions"
    key = ("question_hash",)

    run: Mapped[str] = mapped_column(ForeignKey("runs.name"), primary_key=True)
    question_hash: Mapped[str] = mapped_column(String(HASH), primary_key=True)
    task: Mapped[str] = mapped_column(String(NAME))
    rulebook: Mapped[str] = mapped_column(String(20))
    rows_by_op: Mapped[Any] = mapped_column(CanonicalJson)


class ProposalRow(Base):
    """A method that the researcher proposed."""

    __tablename__ = "proposals"
    key = ("iteration",)

    run: Mapped[str] = mapped_column(ForeignKey("runs.name"), primary_key=True)
    iteration: Mapped[int] = mapped_column(Integer, primary_key=True)
    method: Mapped[str] = mapped_column(ForeignKey("methods.hash"), index=True)
    name: Mapped[str] = mapped_column(String(NAME))
    parents: Mapped[Any] = mapped_column(CanonicalJson)
    parameters: Mapped[Any] = mapped_column(CanonicalJson)


class PartRow(Base):
    """A method that a proposal puts side by side with others."""

    __tablename__ = "parts"
    key = ("iteration", "slot")

    run: Mapped[str] = mapped_column(ForeignKey("runs.name"), primary_key=True)
    iteration: Mapped[int] = mapped_column(Integer, primary_key=True)
    slot: Mapped[int] = mapped_column(Integer, primary_key=True)
    method: Mapped[str] = mapped_column(ForeignKey("methods.hash"))
    title: Mapped[str] = mapped_column(Text)


class InterpretationRow(Base):
    """The cost of interpreting a target once."""

    __tablename__ = "interpretations"
    key = ("method", "target", "corpus", "rulebook")
    volatile = frozenset({"seconds"})

    run: Mapped[str] = mapped_column(ForeignKey("runs.name"), primary_key=True)
    method: Mapped[str] = mapped_column(String(HASH), primary_key=True)
    target: Mapped[str] = mapped_column(String(NAME), primary_key=True)
    corpus: Mapped[str] = mapped_column(String(HASH), primary_key=True)
    rulebook: Mapped[str] = mapped_column(String(20), primary_key=True)
    flops: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(HASH))
    by_op: Mapped[Any] = mapped_column(CanonicalJson)
    by_region: Mapped[Any] = mapped_column(CanonicalJson)
    seconds: Mapped[float] = mapped_column(Float(53))


class EvaluationRow(Base):
    """One method on one question at one stage."""

    __tablename__ = "evaluations"
    __table_args__ = (UniqueConstraint("run", "stage", "method", "question_hash", name="one_evaluation_each"),)
    key = ("stage", "method", "question_hash")
    volatile = frozenset({"id", "cpu_seconds", "unexplained_cpu_seconds", "seconds"})

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    run: Mapped[str] = mapped_column(ForeignKey("runs.name"))
    stage: Mapped[str] = mapped_column(String(20))
    method: Mapped[str] = mapped_column(String(HASH))
    task: Mapped[str] = mapped_column(String(NAME))
    split: Mapped[str] = mapped_column(String(20))
    question_hash: Mapped[str] = mapped_column(String(HASH))
    question_index: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    prepare_flops: Mapped[int] = mapped_column(BigInteger)
    flops: Mapped[int] = mapped_column(BigInteger)
    matmul_flops: Mapped[int] = mapped_column(BigInteger)
    rows: Mapped[int] = mapped_column(Integer)
    by_op: Mapped[Any] = mapped_column(CanonicalJson)
    by_region: Mapped[Any] = mapped_column(CanonicalJson)
    unknown: Mapped[Any] = mapped_column(CanonicalJson)
    batches: Mapped[Any] = mapped_column(CanonicalJson)
    cpu_seconds: Mapped[float] = mapped_column(Float(53))
    unexplained_cpu_seconds: Mapped[float | None] = mapped_column(Float(53))
    seconds: Mapped[float] = mapped_column(Float(53))


class CurveRow(Base):
    """One curve of an evaluation, whole, so that any reward can be recomputed from it."""

    __tablename__ = "curves"
    key = ("stage", "method", "question_hash", "seed")
    volatile = frozenset({"evaluation"})

    evaluation: Mapped[int] = mapped_column(ForeignKey("evaluations.id"), primary_key=True)
    seed: Mapped[int] = mapped_column(Integer, primary_key=True)
    curve: Mapped[Any] = mapped_column(CanonicalJson)


class RoundRow(Base):
    """The outcome of one iteration."""

    __tablename__ = "rounds"
    key = ("iteration",)
    volatile = frozenset({"seconds"})

    run: Mapped[str] = mapped_column(ForeignKey("runs.name"), primary_key=True)
    iteration: Mapped[int] = mapped_column(Integer, primary_key=True)
    method: Mapped[str] = mapped_column(String(HASH))
    stage: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    reward: Mapped[float | None] = mapped_column(Float(53))
    standard_error: Mapped[float | None] = mapped_column(Float(53))
    validation_reward: Mapped[float | None] = mapped_column(Float(53))
    improved: Mapped[bool] = mapped_column(Boolean)
    best_method: Mapped[str] = mapped_column(String(HASH))
    best_reward: Mapped[float | None] = mapped_column(Float(53))
    seconds: Mapped[float] = mapped_column(Float(53))


class StateRow(Base):
    """The researcher's state after an iteration, from which a killed search goes on."""

    __tablename__ = "states"
    key = ("iteration",)

    run: Mapped[str] = mapped_column(ForeignKey("runs.name"), primary_key=True)
    iteration: Mapped[int] = mapped_column(Integer, primary_key=True)
    state: Mapped[Any] = mapped_column(CanonicalJson)


class UseRow(Base):
    """One use of the workbench by the researcher, with what came of it."""

    __tablename__ = "uses"
    key = ("number",)

    run: Mapped[str] = mapped_column(ForeignKey("runs.name"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    phase: Mapped[str] = mapped_column(String(20))
    iteration: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(20))
    method: Mapped[str] = mapped_column(ForeignKey("methods.hash"))
    name: Mapped[str] = mapped_column(String(NAME))
    request: Mapped[Any] = mapped_column(CanonicalJson)
    outcome: Mapped[Any] = mapped_column(CanonicalJson)
    questions: Mapped[int] = mapped_column(Integer)
    flops: Mapped[int] = mapped_column(BigInteger)


class OpeningRow(Base):
    """One consultation of held-out tasks."""

    __tablename__ = "openings"
    __table_args__ = (UniqueConstraint("run", "kind", "method", "iteration", name="one_opening_each"),)
    key = ("kind", "number")

    run: Mapped[str] = mapped_column(ForeignKey("runs.name"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    method: Mapped[str] = mapped_column(String(HASH))
    iteration: Mapped[int] = mapped_column(Integer)
    revealed: Mapped[bool] = mapped_column(Boolean)
    value: Mapped[float | None] = mapped_column(Float(53))


@event.listens_for(Base, "before_insert", propagate=True)
@event.listens_for(Base, "before_update", propagate=True)
def _sign(_mapper: Any, _connection: Any, row: Base) -> None:
    row.fit()
    row.digest = row.expected_digest()


def _fitted(where: str, kind: Any, value: Any) -> Any:
    """Return a value as any database gives it back.

    Raises:
        LedgerError: some database could not hold it; then none shall.
    """
    if value is None:
        return None
    if isinstance(kind, Float):
        if not math.isfinite(value):
            raise LedgerError(f"{where} cannot hold {value}, which is no finite number")
        return float(value) + 0.0  # SQLite forgets the sign of a zero
    if isinstance(kind, Integer):
        bits = 63 if isinstance(kind, BigInteger) else 31
        if not -(2**bits) <= value < 2**bits:
            raise LedgerError(f"{where} cannot hold {value}: it has more than {bits} bits")
        return value
    if isinstance(kind, String):
        if kind.length is not None and len(value) > kind.length:
            raise LedgerError(
                f"{where} cannot hold {len(value)} characters ({value:.40}...); shorten it to {kind.length}"
            )
        if not UNSTORABLE.isdisjoint(value):
            raise LedgerError(f"{where} cannot hold a text with a NUL or half a surrogate pair: {value!r:.80}")
    return value


@event.listens_for(Base, "load", propagate=True)
@event.listens_for(Base, "refresh", propagate=True)
def _check(row: Base, _context: Any, *_names: Any) -> None:
    if row.digest != row.expected_digest():
        key = ", ".join(f"{name}={getattr(row, name)!r}" for name in type(row).content()[:3])
        raise DamagedRowError(f"the record in {row.__tablename__} with {key:.200} is not what was written")
