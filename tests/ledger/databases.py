"""Fixtures: the ledger's tests run against SQLite and against a PostgreSQL server that they start themselves."""

import os

import pytest
from postgres_cluster import MISSING, cluster, fresh_url, programs


@pytest.fixture(scope="session")
def postgres_server():
    """A server for all tests; where none is installed they are skipped, but never in continuous integration."""
    if programs() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with cluster() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def make_url(request, tmp_path):
    """A function that gives the URL of another empty database each time it is called."""
    if request.param == "sqlite":
        numbers = iter(range(100))
        return lambda: f"sqlite:///{tmp_path}/ledger-{next(numbers)}.sqlite"
    server = request.getfixturevalue("postgres_server")
    return lambda: fresh_url(server)
