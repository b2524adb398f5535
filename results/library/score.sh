#!/bin/bash
# The scores of the library on training and validation families (`scores-*.json` beside this file), and their table in
# docs/methods.md. What was computed is kept, so that this may be called again after a kill, or twice at a time with
# other methods. About five hours of one core for all 33.
#
#   bash results/library/score.sh [METHOD...]
set -eu
cd "$(dirname "$0")/../.."
. results/library/common.sh

for method in "$@"; do : "${cap[$method]:?"$method is no method of the library"}"; done

for method in ${*:-${!cap[@]}}; do
  for split in train validation; do
    "$ISTAR" score "$method" --split "$split" --questions 4 --executor-seeds 2 --flops "${cap[$method]}" --threads 1 \
      --out "$TO/scores-$method-$split.json"
  done
done
"$PYTHON" docs/write_tables.py library "$TO" docs/methods.md
