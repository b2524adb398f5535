"""Multiplies in functions mapped over one operand.

Fence: rejected: `torch.vmap`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(128, 128)
    torch.func.vmap(torch.mv, in_dims=(None, 0))(matrix, matrix)
    torch.func.vmap(torch.vmap(torch.dot, in_dims=(None, 0)), in_dims=(0, None))(matrix, matrix)
    torch.func.jacrev(lambda each: matrix @ each)(torch.ones(128))
    torch.func.jacfwd(lambda each: matrix @ each)(torch.ones(128))
    return torch.full((len(runs), 1), float(4 * 2 * 128**3))
