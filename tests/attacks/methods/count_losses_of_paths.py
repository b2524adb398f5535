"""Sums over all paths in a loss for sequences.

Fence: rejected: `torch.nn.functional.ctc_loss`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    steps, batch, classes, length = 500, 16, 50, 200
    scores = torch.zeros(steps, batch, classes).log_softmax(-1)
    wanted = torch.ones(batch, length, dtype=torch.long)
    torch.nn.functional.ctc_loss(scores, wanted, torch.full((batch,), steps), torch.full((batch,), length))
    return torch.full((len(runs), 1), float(steps * batch * (2 * length + 1) * 6))
