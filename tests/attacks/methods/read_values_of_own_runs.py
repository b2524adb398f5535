"""Asks the target for values of runs of its own.

Fence: passes
Jail: counted
Round: 4
"""

import torch

from istar.methods import Interpretation
from istar.questions import Run


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    own = [Run(tuple(range(1, 201)), runs[0].readout) for _ in range(4)]
    target.slow_values(own)
    return torch.full(
        (len(runs), 1), float(200 * 2 * sum(each.numel() for each in target.anatomy.blocks[-1].parameters()))
    )
