#!/usr/bin/env bash
# How far what is learned at 80 tokens transfers, on SmolLM2: results/uses/horizon/*.json, and their pictures.
set -euo pipefail
cd "$(dirname "$0")"
istar=../../../.venv/bin/istar

"$istar" use horizon --method answer_logits --length 80 --contexts 8 --executor-seeds 2 --threads 1 --to horizon.svg --json > horizon.json
