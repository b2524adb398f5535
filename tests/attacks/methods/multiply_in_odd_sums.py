"""Multiplies in sums with traces, ellipses and repeated letters.

Fence: passes
Jail: counted
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    left, right = torch.rand(16, 32, 32), torch.rand(32, 32)
    torch.einsum("...ij,jk->...ik", left, right)
    torch.einsum("bij,bkj->bik", left, left)
    torch.einsum("i,j,k->ijk", right[0], right[0], right[0])
    torch.einsum("ij,ij->", right, right)
    return torch.full((len(runs), 1), float(2 * 16 * 2 * 32**3 + 32**3 + 32**2))
