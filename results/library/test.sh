#!/bin/bash
# The library on the sealed test (`scores-test-*.json` beside this file), and its table in docs/methods.md. A test is
# opened through the seal of a search, with the search's cap: so there are three searches here, of one method each, whose
# I* has nothing to say on the test. What was computed is kept, so that this may be called again after a kill, or for one
# cap only. One to two hours of one core.
#
#   bash results/library/test.sh [0.02|0.1|0.25...]
set -eu
cd "$(dirname "$0")/../.."
. results/library/common.sh
RUNS=${RUNS:-runs}
mkdir -p "$RUNS"

for share in "$@"; do
  case " ${cap[*]} " in *" $share "*) ;; *) echo "no method of the library has the cap $share" >&2; exit 2 ;; esac
done

for share in ${*:-0.02 0.1 0.25}; do
  run=library-$share
  beside=()
  for method in "${!cap[@]}"; do
    if [ "${cap[$method]}" = "$share" ]; then beside+=(--beside "$method"); fi
  done
  sed "s/CAP/$share/" results/library/test-run.json > "$RUNS/$run-settings.json"
  "$ISTAR" search --run "$run" --runs "$RUNS" --config "$RUNS/$run-settings.json" --resume
  "$ISTAR" unseal "$run" --runs "$RUNS" "${beside[@]}" --json > "$RUNS/$run-test.json"
  cp "$RUNS/$run-test.json" "$TO/scores-test-$share.json"
done
"$PYTHON" docs/write_tables.py library "$TO" docs/methods.md
