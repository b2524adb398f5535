#!/bin/bash
# The searches behind results/smollm2-135m, their controls, and the sealed test. Every command goes on where it was
# when it was killed, so this may be called again at any time; two at once may share the work (`study.sh A`, `study.sh B`).
#
#   bash results/smollm2-135m/study.sh [A|B|judge|all]
#
# `judge` is the sealed test, the comparison and the transfer of whatever searches there are, beside the methods that
# BESIDE names (the whole library unless stated).
set -eu
cd "$(dirname "$0")/../.."
ISTAR=${ISTAR:-.venv/bin/istar}
PYTHON=${PYTHON:-.venv/bin/python}
RUNS=${RUNS:-runs/smollm2-135m}
CONFIG=${CONFIG:-results/smollm2-135m/search.json}
TO=${TO:-results/smollm2-135m}
MAIN_METHODS=${MAIN_METHODS:-72}
BESIDE=${BESIDE:-library}
export OMP_NUM_THREADS=1

"$PYTHON" "$TO/ledgers.py" restore "$RUNS"  # what is committed is not computed again

search() {  # NAME RESEARCHER SEED OPTION...
  "$ISTAR" search --run "$1" --config "$CONFIG" --researcher "$2" --seed "$3" --runs "$RUNS" --resume "${@:4}"
}

searches_A() {
  search main evolve 0 --methods "$MAIN_METHODS"
  search shuffled evolve 0 --shuffled  # finds the recordings of `main`
  for seed in 0 1 2; do search evolve-$seed evolve $seed; done
  for seed in 0 1 2; do search random-$seed random $seed; done
}

searches_B() {
  for seed in 0 1 2; do search grammar-$seed grammar $seed; search policy-$seed policy $seed; done
}

controls="evolve-0 evolve-1 evolve-2 grammar-0 grammar-1 grammar-2 policy-0 policy-1 policy-2 random-0 random-1 random-2"

case "${1:-all}" in
  A) searches_A; "$PYTHON" "$TO/ledgers.py" keep "$RUNS"; exit ;;
  B) searches_B; "$PYTHON" "$TO/ledgers.py" keep "$RUNS"; exit ;;
  judge) ;;
  all) searches_A; searches_B ;;
  *) echo "usage: $0 [A|B|judge|all]" >&2; exit 2 ;;
esac

# The sealed test: I* of the main run with its parts, human-made methods, and what the controls found.
beside=()
for method in $BESIDE; do beside+=(--beside "$method"); done
if grep -q "side by side" "$RUNS/main/best_method.py"; then beside+=(--parts); fi
found=()
for run in shuffled $controls; do
  if [ -f "$RUNS/$run/best_method.py" ]; then found+=("$run"); beside+=(--beside "$RUNS/$run"); fi
done
"$ISTAR" unseal main --runs "$RUNS" "${beside[@]}" --json > "$TO/test.json"
"$ISTAR" compare main "${found[@]}" --runs "$RUNS" --to "$TO/comparison.html" --json > "$TO/comparison.json"
"$ISTAR" report main --runs "$RUNS" --to "$TO/report.html"
cp "$RUNS/main/best_method.py" "$TO/best_method.py.txt"

# Transfer: I* as it is on another model.
transfer=()
for task in active_learning/kinds active_learning/replies context_attribution/reviews-loo shot_order/words; do
  "$ISTAR" truth build "$task" --target tiny-text --questions 3
  transfer+=(--task "$task")
done
"$ISTAR" score "$RUNS/main/best_method.py" --target tiny-text --split train "${transfer[@]}" --questions 3 \
  --executor-seeds 1 --flops 0.2 --json > "$TO/transfer.json"

"$PYTHON" "$TO/ledgers.py" keep "$RUNS"
"$PYTHON" "$TO/plateaus.py" "$RUNS"
"$PYTHON" docs/write_tables.py published "$TO" docs/forecast.md
"$PYTHON" docs/write_tables.py runs "$TO" "$TO/README.md"
"$PYTHON" docs/write_tables.py study "$TO" "$TO/README.md"
