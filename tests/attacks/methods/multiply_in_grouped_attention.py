"""Attends with few keys for many heads.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    query = torch.ones(4, 16, 128, 64)
    torch.nn.functional.scaled_dot_product_attention(query, query[:, :2], query[:, :2], enable_gqa=True)
    return torch.full((len(runs), 1), float(4 * 16 * 2 * 2 * 128**2 * 64))
