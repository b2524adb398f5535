#!/usr/bin/env bash
# torch 2.13.0: under any dispatch mode eigenvalues and singular values alone are computed with their vectors.
#
# `torch.linalg.eigvalsh` and `svdvals` need no vectors, and ask LAPACK for none, unless a gradient is wanted. Under a
# `TorchDispatchMode`, one that only looks on such as a FLOP counter, they ask for the vectors too: what is measured is
# another computation than the one that runs without the measurement, with several times its work, and no option says so.
#
# Seen: the operations that reach the mode have `compute_v` and `compute_uv` true, for tensors without gradients, and
# inside `FlopCounterMode` the eigenvalues of 700 x 700 numbers take as long as those with vectors: twice the time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > "$folder/finding.py" <<'PYTHON'
import time

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

print(f"torch {torch.__version__.partition('+')[0]}")


class Onlooker(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.vectors = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        names = [argument.name for argument in operation._schema.arguments]
        for name in ("compute_v", "compute_uv"):
            if name in names:
                place = names.index(name)
                default = operation._schema.arguments[place].default_value
                asked = args[place] if len(args) > place else (kwargs or {}).get(name, default)
                self.vectors.append((operation.overloadpacket.__name__, bool(asked)))
        return operation(*args, **(kwargs or {}))


matrix = torch.randn(60, 60)
symmetric = matrix + matrix.T
with torch.no_grad(), Onlooker() as onlooker:
    torch.linalg.eigvalsh(symmetric)
    torch.linalg.svdvals(matrix)
print("under a mode that only looks on:", onlooker.vectors)
assert onlooker.vectors == [("_linalg_eigh", True), ("_linalg_svd", True)], "torch asks for no vectors any more"

large = torch.randn(700, 700)
large = large + large.T
torch.set_num_threads(1)


def seconds(run, times=5):
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def counted():
    with FlopCounterMode(display=False):
        torch.linalg.eigvalsh(large)


with torch.no_grad():
    plain, under, full = (
        seconds(run) for run in (lambda: torch.linalg.eigvalsh(large), counted, lambda: torch.linalg.eigh(large))
    )
print(f"eigenvalues alone {plain:.3f} s; inside FlopCounterMode {under:.3f} s; with vectors {full:.3f} s")
assert under > 1.3 * plain, "eigenvalues inside a mode take no longer any more"
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
