#!/usr/bin/env bash
# torch 2.13.0: FlopCounterMode counts the gradient of a grouped convolution's weights as often as there are groups.
#
# A convolution does the same number of products for its output, for the gradient of its input and for that of its
# weights. The counter finds a forward of one, and a backward of two, where there is one group; with g groups its backward
# is 1 + g forwards. Depthwise convolutions, whose groups are their channels, are off by that factor: a causal
# convolution of 768 channels, as state-space language models have, would be counted 769 instead of 2.
#
# Seen: backward over forward of 2, 3, 5 and 65 for 1, 2, 4 and 64 groups.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat > "$folder/finding.py" <<'PYTHON'
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

print(f"torch {torch.__version__.partition('+')[0]}")
seen = {}
for groups in (1, 2, 4, 64):
    layer = nn.Conv1d(64, 64, 3, groups=groups, bias=False)
    signal = torch.randn(2, 64, 10, requires_grad=True)
    with FlopCounterMode(display=False) as forward:
        output = layer(signal)
    with FlopCounterMode(display=False) as backward:
        output.sum().backward()
    by_hand = 2 * output.numel() * layer.weight[0].numel()
    assert forward.get_total_flops() == by_hand
    seen[groups] = backward.get_total_flops() / by_hand
    print(f"{groups} groups: forward {by_hand} FLOPs, by hand too; backward {seen[groups]:g} forwards instead of 2")
assert seen == {groups: 1 + groups for groups in seen}, "torch counts otherwise now"
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
