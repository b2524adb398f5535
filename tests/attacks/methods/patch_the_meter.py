"""Makes the meter say that nothing was spent.

Fence: rejected: import of 'istar.flops.meter'
Jail: error: do not add up|cost more than
"""

import torch

from istar.flops.meter import Meter
from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.ones(64, 64) @ torch.ones(64, 64)
    Meter.flops = property(lambda self: 0)
    return torch.full((len(runs), 1), float(1))
