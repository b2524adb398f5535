#!/bin/bash
# What GRPO learns, beside its model untrained, a policy and chance: 320 rollouts with three seeds each, and
# benchmarks/results/grpo.json with its section in docs/benchmarks.md and curves.svg. Some hours of a core. Every rollout is a
# line of `NAME-SEED.jsonl` here and every curve that is done a `NAME-SEED.json`: whatever was stopped goes on from there,
# on another machine too. What methods said is kept in `cache`, and said again where that is gone.
#
#   bash results/grpo/run.sh
set -eu
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-.venv/bin/python}
until "$PYTHON" benchmarks/grpo.py --folder results/grpo --rollouts 320 --seconds 3000; do
  status=$?
  if [ "$status" != 3 ]; then exit "$status"; fi
done
"$PYTHON" results/grpo/curves.py
"$PYTHON" docs/write_benchmarks.py
