"""Writes the tables of the README and of the documentation from committed results.

    python docs/write_tables.py tasks results/audit.json README.md
    python docs/write_tables.py library results/library docs/methods.md

A table stands between two comments, and nothing else of the file is touched.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from istar.audit import audit_from_json
from istar.reports.audit import task_table
from istar.reports.scores import library_table, read_scores


def _tasks(audit: Path) -> str:
    return task_table(audit_from_json(json.loads(audit.read_text(encoding="utf-8"))))


def _library(folder: Path) -> str:
    return library_table(read_scores(sorted(folder.glob("scores-*.json"))))


TABLES: dict[str, Callable[[Path], str]] = {"tasks": _tasks, "library": _library}


def main(name: str, results: str, document: str) -> None:
    """Replace what stands between the comments of a table by the table that results make."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    path = Path(document)
    text = path.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit(f"{document} must hold {begin} and {end} once each; the table goes between them")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    path.write_text(f"{before}{begin}\n{TABLES[name](Path(results))}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in TABLES:
        sys.exit("usage: python docs/write_tables.py tasks|library RESULTS DOCUMENT")
    main(*sys.argv[1:])
