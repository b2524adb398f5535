"""Asks the target for nothing: no runs, no blocks, no tokens.

Fence: passes
Jail: error: out of bounds
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    target.run((), upto=1)
    target.run(runs, upto=0)
    target.forward(torch.zeros(1, 0, dtype=torch.long))
    torch.ones(256, 256) @ torch.ones(256, 256)
    return torch.full((len(runs), 1), float(2 * 256**3))
