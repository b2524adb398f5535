#!/usr/bin/env bash
# Sandbagging or random failure, on SmolLM2 and its organisms: results/uses/anomalies/*.json, and their pictures.
# The library's Mahalanobis distance half-way up is blind to organisms that change upper blocks alone, so it is read at
# 0.95 of the blocks.
set -euo pipefail
cd "$(dirname "$0")"
istar=../../../.venv/bin/istar

folder=$(mktemp -d)
sed 's/^DEPTH = 0.5/DEPTH = 0.95/' ../../../src/istar/methods/library/mahalanobis.py > "$folder/mahalanobis_late.py"
"$istar" use anomalies --method "$folder/mahalanobis_late.py" --threads 1 --to anomalies.svg --json > anomalies.json
