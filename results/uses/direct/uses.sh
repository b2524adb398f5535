#!/bin/bash
# What a method was put to use for: every result beside this file, and its picture. A piece whose result is there is
# left alone, so that a run that was killed goes on with the first that is missing; a piece that is named is made anew.
# All of them again, beside the committed ones: TO=again bash results/uses/direct/uses.sh
#
#   bash results/uses/direct/uses.sh [bad_contexts|bad_contexts_tiny|resample|task ...]
set -eu
cd "$(dirname "$0")/../../.."
ISTAR=${ISTAR:-.venv/bin/istar}
TO=${TO:-results/uses/direct}
SMALL=tiny-text
export OMP_NUM_THREADS=1

# What every piece has in common: the method, and all that is drawn.
COMMON="--method answer_logits --dtype float32 --seed 0 --threads 1"
JUDGED="--judge rude --held-out rude-other --contexts rude --calibration 256"

use() {  # NAME ARGUMENT...
  "$ISTAR" use "${@:2}" $COMMON --to "$TO/$1.svg" --json > "$TO/$1.json.unfinished"
  mv "$TO/$1.json.unfinished" "$TO/$1.json"  # a result that is there is whole
}

piece() {
  case $1 in
    bad_contexts) use "$1" bad-contexts $JUDGED --candidates 11 --target smollm2-135m ;;
    bad_contexts_tiny) use "$1" bad-contexts $JUDGED --candidates 14 --target "$SMALL" ;;
    resample)
      use "$1" resample --prompts rude --outputs 64 --share 0.125 --beta 0.1 --direction forward --draws 4 \
        --target smollm2-135m ;;
    task)
      local folder
      folder=$(mktemp -d)
      "$ISTAR" tasks new repeated_words --folder "$folder" >&2
      use "$1" task "$folder/repeated_words.py" --questions 4 --executor-seeds 4 --flops 0.5 --target "$SMALL"
      rm -r "$folder" ;;
    *) echo "there is no piece $1" >&2; exit 2 ;;
  esac
}

mkdir -p "$TO"
if [ $# -gt 0 ]; then
  for name in "$@"; do piece "$name"; done
else
  for name in bad_contexts bad_contexts_tiny resample task; do
    if [ ! -f "$TO/$name.json" ]; then piece "$name"; fi
  done
fi
