#!/bin/bash
# Duels on SmolLM2: both players learning under three seeds, and each of them against a script. Their outcomes, pages and
# pictures lie beside this file. Every piece is resumed by calling this again; a finished one takes what reading it back
# takes. One piece: bash results/uses/duel/duel.sh learning-0
#
#   bash results/uses/duel/duel.sh [PIECE ...]
set -eu
cd "$(dirname "$0")/../../.."
ISTAR=${ISTAR:-.venv/bin/istar}
TO=results/uses/duel
RUNS=${RUNS:-runs/duel}
export OMP_NUM_THREADS=1

piece() {
  local name=$1 seed=$2 red=$3 blue=$4
  "$ISTAR" duel --run "$name" --runs "$RUNS" --seed "$seed" --red "$red" --blue "$blue" --threads 1 --json > "$RUNS/$name.json"
  cp "$RUNS/$name/outcome.json" "$TO/$name.json"
  cp "$RUNS/$name/duel.html" "$TO/$name.html"
  cp "$RUNS/$name/exploitability.svg" "$TO/$name-exploitability.svg"
  cp "$RUNS/$name/detection.svg" "$TO/$name-detection.svg"
}

mkdir -p "$RUNS"
for name in "${@:-learning-0 learning-1 learning-2 red-scripted blue-scripted both-scripted}"; do
  for one in $name; do
    case $one in
      learning-[0-9]) piece "$one" "${one#learning-}" policy policy ;;
      red-scripted) piece "$one" 0 scripted policy ;;
      blue-scripted) piece "$one" 0 policy scripted ;;
      both-scripted) piece "$one" 0 scripted scripted ;;
      *) echo "there is no piece $one" >&2; exit 2 ;;
    esac
  done
done
