"""Tables made of records: a record's fields are the columns, and rows are fitted, signed and checked here alone.

A field's annotation names its column's type: `Annotated[str, NAME]`; it may be NULL where the field may be None. A
field without one is a record whose own fields are columns of the same table.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from types import NoneType
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from istar.ledger.errors import DamagedRowError, LedgerError
from istar.ledger.signing import COLUMN, canonical, digest_of
from istar.texts import NAME_LENGTH, UNSTORABLE

Record = TypeVar("Record")
Values = dict[str, Any]
"""A row by its columns' names, as Python has it."""


class CanonicalJson(TypeDecorator[Any]):
    """JSON as text with sorted keys and no NaN: the same value gives the same bytes on every database."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Return the text that is stored."""
        return canonical(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the value that was stored."""
        return json.loads(value)


NAME, HASH, WORD, TIME, TEXT = sa.String(NAME_LENGTH), sa.String(64), sa.String(20), sa.String(40), sa.Text()
WHOLE, LARGE, REAL, FLAG, JSON = sa.Integer(), sa.BigInteger(), sa.Float(53), sa.Boolean(), CanonicalJson()


@dataclass(frozen=True)
class Refers:
    """Says that a column holds keys of another table.

    Attributes:
        to: the table and its column.
        index: whether rows are looked up by it.
    """

    to: str
    index: bool = False


class RecordTable(Generic[Record]):
    """A table whose columns are the fields of a record.

    Args:
        metadata: the database's tables.
        name: its name.
        record: the record's class.
        key: the columns that name a record among those of its run.
        volatile: columns that differ between two runs that are otherwise the same: measured time, and words on the
            machine; the export leaves them out.
        of_run: whether records belong to a run; the run's name is then the first column.
        numbered: whether rows are known by a number that the database hands out, `id`.
        once: columns that no two records share, and what that rule is called.
    """

    def __init__(
        self,
        metadata: sa.MetaData,
        name: str,
        record: type[Record],
        *,
        key: tuple[str, ...],
        volatile: Iterable[str] = (),
        of_run: bool = True,
        numbered: bool = False,
        once: tuple[str, tuple[str, ...]] | None = None,
    ) -> None:
        """See the class docstring."""
        self.name, self.record_type, self.key, self.of_run = name, record, key, of_run
        self.volatile = frozenset(volatile) | ({"id"} if numbered else set())
        columns: list[sa.Column[Any]] = []
        if numbered:
            columns.append(sa.Column("id", WHOLE, primary_key=True, autoincrement=True))
        if of_run:
            columns.append(sa.Column("run", NAME, sa.ForeignKey("runs.name"), primary_key=not numbered, nullable=False))
        columns += _columns(record, () if numbered else key)
        columns.append(sa.Column(COLUMN, HASH, server_default="", nullable=False))
        rules = [] if once is None else [sa.UniqueConstraint(*once[1], name=once[0])]
        self.sql = sa.Table(name, metadata, *columns, *rules)
        self.content = tuple(column.name for column in columns if column.name != COLUMN)

    def signed(self, values: Values) -> Values:
        """Return a row as any database gives it back, with its digest.

        Args:
            values: by column; that of a number which the database hands out may be missing.

        Raises:
            LedgerError: some database could not hold one; then none shall.
        """
        types = {column.name: column.type for column in self.sql.columns}
        fitted = {
            name: _fitted(f"{self.name}.{name}", types[name], value) for name, value in values.items() if name != COLUMN
        }
        return {**fitted, COLUMN: digest_of(self.name, fitted)}

    def row(self, record: Record, **more: Any) -> Values:
        """Return the row of a record, signed; see `signed`.

        Args:
            record: the record.
            more: values of columns that it does not state, such as the run's name.
        """
        return self.signed({**more, **dict(_flat(record))})

    def checked(self, row: sa.Row[Any]) -> Values:
        """Return the values of a row that was selected with all of the table's columns.

        Raises:
            DamagedRowError: they are not what was signed.
        """
        values: Values = {column.name: row._mapping[column] for column in self.sql.columns}
        if digest_of(self.name, values) != values[COLUMN]:
            key = ", ".join(f"{name}={values[name]!r}" for name in self.content[:3])
            raise DamagedRowError(f"the record in {self.name} with {key:.200} is not what was written")
        return values

    def rows(self, connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Values]:
        """Return the rows that meet a condition, checked, in the order of their keys."""
        found = [self.checked(row) for row in connection.execute(sa.select(self.sql).where(where))]
        return sorted(found, key=self.order)

    def record(self, values: Values) -> Record:
        """Return the record of a row."""
        record: Record = _record(self.record_type, values)
        return record

    def order(self, values: Values) -> tuple[Any, ...]:
        """Return what rows of a run are ordered by, in Python: databases differ in how they compare texts."""
        return tuple(values[name] for name in self.key)

    def same(self, values: Values) -> sa.ColumnElement[bool]:
        """Return the condition that a row has the primary key of these values."""
        return sa.and_(*(column == values[column.name] for column in self.sql.primary_key))

    def differing(self, known: Values, new: Values) -> list[str]:
        """Return the columns in which two rows differ, the volatile ones aside."""
        asked = [name for name in self.content if name not in self.volatile]
        return [name for name in asked if canonical(known[name]) != canonical(new[name])]


@lru_cache
def _fields(record: Any) -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Return each field's type, and the notes of its annotation: none where it is a record itself."""
    hints = get_type_hints(record, include_extras=True)
    stated = {field.name: hints[field.name] for field in fields(record)}
    return {
        name: (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())
        for name, hint in stated.items()
    }


def _columns(record: Any, key: tuple[str, ...]) -> Iterator[sa.Column[Any]]:
    """Yield the columns of a record's fields."""
    for name, (kind, notes) in _fields(record).items():
        if not notes:
            yield from _columns(kind, key)
            continue
        (stored,) = (note for note in notes if isinstance(note, TypeEngine))
        refers = [note for note in notes if isinstance(note, Refers)]
        yield sa.Column(
            name,
            stored,
            *(sa.ForeignKey(each.to) for each in refers),
            primary_key=name in key,
            nullable=NoneType in get_args(kind),
            index=any(each.index for each in refers) or None,
        )


def _flat(record: Any) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a record with their values."""
    kind: Any = type(record)
    for name, (_, notes) in _fields(kind).items():
        value = getattr(record, name)
        if notes:
            yield name, _plain(value)
        else:
            yield from _flat(value)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: records and mappings as dictionaries, tuples as lists."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (tuple, list)) else value


def _record(kind: Any, values: Values) -> Any:
    """Return the record of this kind that a row holds."""
    stated = _fields(kind).items()
    return kind(**{name: _read(t, values[name]) if notes else _record(t, values) for name, (t, notes) in stated})


def _read(kind: Any, value: Any) -> Any:
    """Return a column's value as a field of this type has it."""
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], each) for each in value)
    return kind(**value) if isinstance(kind, type) and is_dataclass(kind) else value


def _fitted(where: str, kind: TypeEngine[Any], value: Any) -> Any:
    """Return a value as any database gives it back.

    Raises:
        LedgerError: some database could not hold it; then none shall.
    """
    if value is None:
        return None
    if isinstance(kind, sa.Float):
        if not math.isfinite(value):
            raise LedgerError(f"{where} cannot hold {value}, which is no finite number")
        return float(value) + 0.0  # SQLite forgets the sign of a zero
    if isinstance(kind, sa.Integer):
        bits = 63 if isinstance(kind, sa.BigInteger) else 31
        if not -(2**bits) <= value < 2**bits:
            raise LedgerError(f"{where} cannot hold {value}: it has more than {bits} bits")
        return value
    if isinstance(kind, sa.String):
        if kind.length is not None and len(value) > kind.length:
            raise LedgerError(
                f"{where} cannot hold {len(value)} characters ({value:.40}...); shorten it to {kind.length}"
            )
        if not UNSTORABLE.isdisjoint(value):
            raise LedgerError(f"{where} cannot hold a text with a NUL or half a surrogate pair: {value!r:.80}")
    return value
