"""What PostgreSQL does by itself otherwise than SQLite, and must not."""

from dataclasses import replace
from urllib.parse import quote

import pytest
from ledger_records import EVALUATION, PROPOSAL, ROUND, fill
from postgres_cluster import fresh_url
from sqlalchemy import create_engine, text

from istar.ledger import Ledger, LedgerDamagedError, LedgerError, LedgerLockedError, NewerLedgerError, NotALedgerError


@pytest.fixture
def url(postgres_server):
    return fresh_url(postgres_server)


def engine(url):
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:"))


def test_both_databases_give_the_same_export_in_the_same_order(url, tmp_path):
    exports, orders = [], []
    for where in (url, tmp_path / "ledger.sqlite"):
        with Ledger(where) as ledger:
            fill(ledger)
            # a locale would put "B" after "a", and ignore the hyphen
            for name in ("b", "B", "a-c", "ab", "\u00e4"):
                ledger.add_evaluation("run", replace(EVALUATION, task=f"family/{name}", question_hash=f"{name:0>64}"))
            exports.append(list(ledger.export("run")))
            orders.append([each.task for each in ledger.evaluations("run", stage="train")])
    assert exports[0] == exports[1]
    assert orders[0] == orders[1]
    assert orders[0] == sorted(orders[0])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (replace(PROPOSAL, iteration=1, name="n" * 201), "proposals.name cannot hold 201 characters"),
        (replace(PROPOSAL, iteration=1, name="a\0b"), "cannot hold a text with a NUL"),
        (replace(PROPOSAL, iteration=1, name="\ud800"), "half a surrogate pair"),
        (replace(PROPOSAL, iteration=2**31), "proposals.iteration cannot hold 2147483648"),
    ],
)
def test_what_one_database_cannot_hold_neither_takes(make_url, record, message):
    with Ledger(make_url()) as ledger:
        fill(ledger)
        before = list(ledger.export("run"))
        with pytest.raises(LedgerError, match=message):
            ledger.add_method("run", record, "def interpret(): ...\n")
        assert list(ledger.export("run")) == before


def test_numbers_come_back_to_the_last_bit(make_url):
    with Ledger(make_url()) as ledger:
        fill(ledger)
        outcome = replace(ROUND, iteration=1, reward=0.1 + 0.2, standard_error=5e-324, best_reward=0.1)
        ledger.add_round("run", outcome, {"\u2028": [1e308, 2**70]})
        assert ledger.state("run") == (1, {"\u2028": [1e308, 2**70]})
        ledger.add_round("run", replace(outcome, iteration=2, reward=-0.0))
        assert repr(ledger.rounds("run")[1]) == repr(outcome)
        assert repr(ledger.rounds("run")[2].reward) == "0.0"


def test_a_changed_record_is_noticed(url):
    with Ledger(url) as ledger:
        fill(ledger)
    with engine(url).begin() as connection:
        connection.execute(text("UPDATE rounds SET reward = 0.75"))
    with Ledger(url) as ledger, pytest.raises(LedgerDamagedError, match="rounds with run='run', iteration=0"):
        ledger.rounds("run")


def test_a_lock_that_is_not_given_up_is_reported(url):
    with Ledger(url) as ledger:
        fill(ledger)
    with Ledger(url, patience=0.2) as ledger, Ledger(url) as other:
        with other._writing() as session:
            session.execute(text("SELECT 1"))
            with pytest.raises(LedgerLockedError, match="another process"):
                ledger.finish_run("run")
        assert ledger.run("run").status == "open"
        ledger.finish_run("run")


def test_another_programs_database_is_left_alone(url):
    with engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE recipes (name TEXT)"))
    with pytest.raises(NotALedgerError, match="holds recipes"):
        Ledger(url)


def test_a_newer_ledger_is_refused(url):
    Ledger(url).close()
    with engine(url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerLedgerError, match="upgrade istar"):
        Ledger(url)


def test_a_server_that_is_away_says_so_and_keeps_the_password(tmp_path):
    url = f"postgresql://istar:secret@/postgres?host={quote(str(tmp_path), safe='')}"
    with pytest.raises(LedgerError, match=r"the database server does not answer; start it") as caught:
        Ledger(url)
    assert "secret" not in str(caught.value)


def test_a_connection_that_was_cut_is_made_again(url):
    with Ledger(url) as ledger:
        fill(ledger)
        ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with engine(url).begin() as connection:
            connection.execute(ended)
        assert ledger.run("run").name == "run"
        ledger.finish_run("run")
