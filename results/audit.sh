#!/bin/bash
# The audit of all tasks (`audit.json`, `audit.html`) with the best of the library's methods on each (on what was the test
# under rulebook v1, as it was opened then), and its table in docs/tasks.md. About an hour of one core: a quarter for recomputed cells,
# the rest for curves, which are found on disk where they are known. A family that came later has an `audit-FAMILY.json`
# until this is run again.
#
#   bash results/audit.sh
set -eu
cd "$(dirname "$0")/.."
ISTAR=${ISTAR:-.venv/bin/istar}
PYTHON=${PYTHON:-.venv/bin/python}
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

"$ISTAR" tasks audit --recompute 0.002 \
  --methods results/library/scores-*.json results/library/v1/scores-test-*.json \
  --out results/audit.json --html results/audit.html
rm -f results/audit-*.json
"$PYTHON" docs/write_tables.py tasks results/audit.json docs/tasks.md
