"""Lets one number come first through attributes, and everything else be broadcast to it.

Fence: rejected: the attribute `xlogy`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    one, mask, row = torch.ones(1), torch.ones(1_000, 4_000, dtype=torch.bool), torch.rand(1_000, 4_000)
    one.masked_select(mask)
    one.where(mask, row)
    one.lerp(row, row)
    one.addcmul(row, row)
    one.xlogy(row)
    one.float_power(row)
    return torch.full((len(runs), 1), float(4_000_000 * (1 + 1 + 3 + 2 + 2 + 2)))
