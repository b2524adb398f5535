"""Multiplies as similarities and pairwise distances that are broadcast.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    points = torch.rand(128, 128)
    torch.cosine_similarity(points[:, None], points[None], dim=-1)
    torch.nn.functional.pairwise_distance(points[:, None], points[None])
    return torch.full((len(runs), 1), float(2 * 2 * 128**3))
