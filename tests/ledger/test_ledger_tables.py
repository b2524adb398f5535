"""A table of a record's fields, of a record that the ledger does not have."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import pytest
import sqlalchemy as sa

from istar.ledger import LedgerError
from istar.ledger.errors import DamagedRowError
from istar.ledger.tables import FLAG, HASH, JSON, LARGE, NAME, REAL, WHOLE, RecordTable, Refers


@dataclass(frozen=True)
class Leg:
    length: float
    by_op: Mapping[str, int]


@dataclass(frozen=True)
class Pace:
    quick: Annotated[bool, FLAG]
    speed: Annotated[float | None, REAL]


@dataclass(frozen=True)
class Walk:
    number: Annotated[int, WHOLE]
    name: Annotated[str, NAME]
    legs: Annotated[tuple[Leg, ...], JSON]
    pace: Pace
    steps: Annotated[int, LARGE] = 0


@dataclass(frozen=True)
class Owner:
    hash: Annotated[str, HASH]
    walk: Annotated[str, NAME, Refers("walks.name", index=True)]


WALK = Walk(3, "home", (Leg(0.1 + 0.2, {"mm": 2**70}), Leg(1.0, {})), Pace(True, None), 2**40)


@pytest.fixture
def walks():
    metadata = sa.MetaData()
    sa.Table("runs", metadata, sa.Column("name", NAME, primary_key=True))
    return RecordTable(metadata, "walks", Walk, key=("number",), volatile=("steps",))


@pytest.fixture
def connection(walks):
    engine = sa.create_engine("sqlite://")
    with engine.begin() as opened:
        walks.sql.metadata.create_all(opened)
        yield opened
    engine.dispose()


def test_columns_are_the_fields_and_those_of_records_inside(walks):
    columns = {column.name: (str(column.type), column.nullable, column.primary_key) for column in walks.sql.columns}
    assert columns == {
        "run": ("VARCHAR(200)", False, True),
        "number": ("INTEGER", False, True),
        "name": ("VARCHAR(200)", False, False),
        "legs": ("TEXT", False, False),
        "quick": ("BOOLEAN", False, False),
        "speed": ("FLOAT", True, False),
        "steps": ("BIGINT", False, False),
        "digest": ("VARCHAR(64)", False, False),
    }
    owners = RecordTable(walks.sql.metadata, "owners", Owner, key=("hash",), of_run=False)
    (key,) = owners.sql.c.walk.foreign_keys
    assert key.target_fullname == "walks.name"
    assert [index.columns.keys() for index in owners.sql.indexes] == [["walk"]]


def test_a_record_comes_back_as_it_was_put_in_and_in_the_order_of_keys(walks, connection):
    both = [WALK, replace(WALK, number=1, pace=Pace(False, 1.5))]
    for each in both:
        connection.execute(sa.insert(walks.sql).values(walks.row(each, run="run")))
    rows = walks.rows(connection, walks.sql.c.run == "run")
    assert [walks.record(row) for row in rows] == both[::-1]
    assert walks.rows(connection, walks.same(walks.row(WALK, run="run"))) == rows[1:]


def test_a_changed_row_is_noticed(walks, connection):
    connection.execute(sa.insert(walks.sql).values(walks.row(WALK, run="run")))
    connection.execute(sa.update(walks.sql).values(quick=False))
    with pytest.raises(DamagedRowError, match="the record in walks with run='run', number=3, name='home' is not what"):
        walks.rows(connection, sa.true())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "n" * 201}, "walks.name cannot hold 201 characters"),
        ({"number": 2**31}, "walks.number cannot hold 2147483648: it has more than 31 bits"),
        ({"steps": 2**63}, "it has more than 63 bits"),
        ({"pace": Pace(True, float("nan"))}, "walks.speed cannot hold nan, which is no finite number"),
        ({"name": "a\0b"}, "cannot hold a text with a NUL"),
    ],
)
def test_what_some_database_could_not_hold_is_refused(walks, change, message):
    with pytest.raises(LedgerError, match=message):
        walks.row(replace(WALK, **change), run="run")


def test_rows_differ_in_what_is_not_volatile(walks):
    row = walks.row(WALK, run="run")
    assert walks.differing(row, walks.row(replace(WALK, steps=1), run="run")) == []
    assert walks.differing(row, walks.row(replace(WALK, name="out", legs=()), run="run")) == ["name", "legs"]
