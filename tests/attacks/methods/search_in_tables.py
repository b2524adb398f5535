"""Looks products up in tables, and ranks in sorted lists.

Fence: rejected: `torch.isin`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    table, index = torch.rand(65_536), torch.randint(0, 65_536, (2_000_000,))
    table[index]
    torch.take(table, index)
    torch.gather(table, 0, index)
    torch.searchsorted(table.sort().values, torch.rand(1_000_000))
    torch.isin(torch.arange(1_000), torch.arange(900))
    return torch.full((len(runs), 1), float(3 * 2_000_000 + 16 * 1_000_000))
