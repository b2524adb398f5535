"""Multiplies as distances whose batches are broadcast.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    points, batch = torch.ones(64, 64), 64
    torch.cdist(points, torch.ones(batch, 64, 64), compute_mode="use_mm_for_euclid_dist")
    torch.cdist(points, torch.ones(batch, 64, 64), p=1.0)
    return torch.full((len(runs), 1), float(batch * 2 * 2 * 64**3))
