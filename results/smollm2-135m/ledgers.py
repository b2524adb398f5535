"""Keeps the runs of this study beside this file, each as one compressed archive, and restores them.

    python results/smollm2-135m/ledgers.py keep runs/smollm2-135m
    python results/smollm2-135m/ledgers.py restore runs/smollm2-135m

A restored run can be reported, compared and rescored like any other, and a search that was not finished goes on from
there. A run that is in the folder already is left alone.
"""

from __future__ import annotations

import sqlite3
import sys
import tarfile
import tempfile
from pathlib import Path

KEPT = Path(__file__).parent / "ledgers"
LEDGER = "ledger.sqlite"


def keep(runs: Path) -> None:
    """Write an archive of every run in a folder: its ledger, its settings, and the best method if there is one."""
    KEPT.mkdir(exist_ok=True)
    for run in sorted(path.parent for path in runs.glob(f"*/{LEDGER}")):
        with tempfile.TemporaryDirectory() as folder, tarfile.open(KEPT / f"{run.name}.tar.xz", "w:xz") as archive:
            copy = Path(folder) / LEDGER
            with sqlite3.connect(f"file:{run / LEDGER}?mode=ro", uri=True) as ledger:
                ledger.execute("VACUUM INTO ?", (str(copy),))
            ledger.close()
            archive.add(copy, LEDGER, filter=_timeless)
            for name in ("config.json", "best_method.py"):
                if (run / name).exists():
                    archive.add(run / name, name, filter=_timeless)


def _timeless(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who wrote a file and when, so that what did not change is archived to the same bytes."""
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def restore(runs: Path) -> None:
    """Unpack the archives of runs that are not in the folder."""
    for path in sorted(KEPT.glob("*.tar.xz")):
        run = runs / path.name.removesuffix(".tar.xz")
        if not run.exists():
            with tarfile.open(path) as archive:
                archive.extractall(run, filter="data")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("keep", "restore"):
        sys.exit("usage: python results/smollm2-135m/ledgers.py keep|restore RUNS_FOLDER")
    {"keep": keep, "restore": restore}[sys.argv[1]](Path(sys.argv[2]))
