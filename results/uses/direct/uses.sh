#!/usr/bin/env bash
# What a method was put to use for: results/uses/direct/*.json, and their pictures.
set -euo pipefail
cd "$(dirname "$0")"
istar=../../../.venv/bin/istar

"$istar" use bad-contexts --method answer_logits --candidates 11 --threads 1 --to bad_contexts.svg --json > bad_contexts.json
"$istar" use bad-contexts --method answer_logits --candidates 14 --target tiny-text --threads 1 --to bad_contexts_tiny.svg --json > bad_contexts_tiny.json
"$istar" use resample --method answer_logits --threads 1 --to resample.svg --json > resample.json
folder=$(mktemp -d)
"$istar" tasks new repeated_words --folder "$folder"
"$istar" use task "$folder/repeated_words.py" --method answer_logits --target tiny-text --threads 1 --to task.svg --json > task.json
