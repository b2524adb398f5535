#!/bin/bash
# Forecasts and their pictures, and the simulations of the rule for plateaus, beside this file; their tables in
# docs/forecast.md. A minute of one core.
#
#   bash results/uses/forecast/make.sh
set -eu
cd "$(dirname "$0")/../../.."
ISTAR=${ISTAR:-.venv/bin/istar}
PYTHON=${PYTHON:-.venv/bin/python}
TO=results/uses/forecast
export OMP_NUM_THREADS=1

for preset in document metr-2026; do
  "$ISTAR" forecast --preset "$preset" --draws 1000000 --picture "$TO/$preset.svg" --json > "$TO/$preset.json"
done
PYTHONPATH=tests/protocol "$PYTHON" tests/protocol/plateau_simulations.py > "$TO/plateau.json"
"$PYTHON" docs/write_tables.py forecasts "$TO" docs/forecast.md
"$PYTHON" docs/write_tables.py plateaus "$TO/plateau.json" docs/forecast.md
