"""Attends under masks that are expanded, with gradients and without.

Fence: passes
Jail: counted
Round: 6
"""

import torch
from torch.nn.functional import scaled_dot_product_attention

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    query = torch.ones(4, 4, 64, 32, requires_grad=True)
    mask = torch.ones(1, 1, 64, 64, dtype=torch.bool).expand(4, 4, 64, 64)
    torch.autograd.grad(scaled_dot_product_attention(query, query, query, attn_mask=mask).sum(), query)
    return torch.full((len(runs), 1), float(4 * 4 * (4 + 8) * 64**2 * 32))
