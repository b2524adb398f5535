#!/bin/bash
# The control of `component_effects`: what it learned of each component is given to another one, drawn at random. About a
# quarter of an hour of one core, most of it for interpreting.
#
#   bash results/library/component_effects_shuffled.sh
set -eu
cd "$(dirname "$0")/../.."
. results/library/common.sh

FOLDER=$(mktemp -d)
trap 'rm -r "$FOLDER"' EXIT
"$PYTHON" - "$FOLDER/component_effects_shuffled.py" <<'PROGRAM'
import sys
from pathlib import Path

source = Path("src/istar/methods/library/component_effects.py").read_text()
kept = "    return Interpretation(tensors)\n"
assert source.count(kept) == 1
shuffled = """\
    for name, found in tensors.items():
        flat = found.flatten(0, 1)
        tensors[name] = flat[torch.randperm(len(flat))].reshape(found.shape)
"""
Path(sys.argv[1]).write_text(source.replace(kept, shuffled + kept))
PROGRAM
"$ISTAR" score "$FOLDER/component_effects_shuffled.py" --task layer_knockout --questions 4 --executor-seeds 2 \
  --flops "${cap[component_effects]}" --threads 1 --out "$TO/component_effects-shuffled.json"
