"""Writes the README's table of tasks from an audit.

    istar tasks audit --out results/audit.json
    python docs/write_tasks.py results/audit.json README.md

The table stands between two comments and nothing else of the file is touched.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from istar.audit import audit_from_json
from istar.reports.audit import task_table

BEGIN, END = "<!-- tasks: begin -->", "<!-- tasks: end -->"


def main(audit: str, readme: str) -> None:
    """Replace what stands between the comments by the table of an audit."""
    path = Path(readme)
    text = path.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit(f"{readme} must hold {BEGIN} and {END} once each; the table goes between them")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    table = task_table(audit_from_json(json.loads(Path(audit).read_text(encoding="utf-8"))))
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python docs/write_tasks.py AUDIT.json README.md")
    main(*sys.argv[1:])
