"""The ledgers of the published search read as they were written: by another schema, with the same signatures."""

import hashlib
import sqlite3
import tarfile
from pathlib import Path

import pytest

from istar.ledger import Ledger

RUNS = Path(__file__).parents[2] / "results" / "smollm2-135m" / "ledgers"


@pytest.mark.parametrize(
    ("run", "exported", "signed"),
    [
        (
            "grammar-1",
            "051f34afe1aa423e1756ccf4560233df93c9a864d58a8278608eb853f11971e4",
            "ea4cedca7086f297b10b80c1bb143c64678fb897a447893a1cc7782aeebe5d7b",
        ),
        (
            "shuffled",
            "b69ebb8ebb56a057cea792be7b4449d46657bb732ad72305ef72bf1c8c0cc53f",
            "f544a9f29a4753b0006787e82d113df1140f43d184a2607b3eb9d8b123974e25",
        ),
    ],
)
def test_a_published_run_has_the_same_export_and_signatures(tmp_path, run, exported, signed):
    with tarfile.open(RUNS / f"{run}.tar.xz") as archive:
        archive.extract("ledger.sqlite", tmp_path, filter="data")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        lines = list(ledger.export(run))
        assert not ledger.parts(run)
    with sqlite3.connect(tmp_path / "ledger.sqlite") as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%digest%'")]
        digests = sorted(each for name in names for (each,) in database.execute(f"SELECT digest FROM {name}"))
    database.close()
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == exported
    assert hashlib.sha256("".join(digests).encode()).hexdigest() == signed
