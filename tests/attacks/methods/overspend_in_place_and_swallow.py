"""Overspends in an operation that writes into a tensor it holds, and returns that.

Fence: rejected: `BaseException`
Jail: cut
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    kept = torch.ones(len(runs), 1)
    wide = torch.ones(2_000_000)
    matrix = torch.ones(1_024, 1_024)
    while True:
        try:
            wide.pow_(2.0)
            kept.add_(1.0)
            matrix @ matrix
        except BaseException:
            break
    return kept
