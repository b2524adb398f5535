#!/bin/bash
# The scenario of the published search's I*, beside this file, and its table in docs/scenarios.md. What planted methods
# give (`planted.json`, and the rule's table) is made by `python benchmarks/planted_scenarios.py`.
#
#   bash results/uses/scenario/make.sh [--record]
set -eu
cd "$(dirname "$0")/../../.."
ISTAR=${ISTAR:-.venv/bin/istar}
PYTHON=${PYTHON:-.venv/bin/python}
RUNS=${RUNS:-runs/smollm2-135m}
TO=results/uses/scenario
export OMP_NUM_THREADS=1

"$PYTHON" results/smollm2-135m/ledgers.py restore "$RUNS"
"$ISTAR" scenario main --runs "$RUNS" --to "$TO/main.svg" --json "$@" > "$TO/main.json"
"$PYTHON" docs/write_tables.py odds "$TO" docs/scenarios.md
