"""Compares every class with every other in a margin loss.

Fence: rejected: `torch.nn.functional.multilabel_margin_loss`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    scores = torch.rand(64, 1_000)
    wanted = torch.arange(1_000).expand(64, 1_000) // 1
    torch.nn.functional.multilabel_margin_loss(scores, torch.where(wanted < 500, wanted, -1))
    return torch.full((len(runs), 1), float(64 * 500 * 500 * 3))
