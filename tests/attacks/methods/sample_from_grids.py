"""Multiplies in the sampling of images at points.

Fence: rejected: `torch.nn.functional.grid_sample`
Jail: error: no price for the operation
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    grid = torch.rand(4, 256, 256, 2)
    torch.nn.functional.grid_sample(torch.rand(4, 8, 64, 64), grid, align_corners=False)
    return torch.full((len(runs), 1), float(4 * 8 * 256**2 * 8))
