"""Attends with keys and values that are expanded over heads and batch.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    query = torch.ones(16, 8, 128, 64)
    torch.nn.functional.scaled_dot_product_attention(query, query[:1, :1], query[:1, :1])
    return torch.full((len(runs), 1), float(16 * 8 * 2 * 2 * 128**2 * 64))
