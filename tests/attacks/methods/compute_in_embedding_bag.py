"""Multiplies matrices as weighted sums of embeddings.

Fence: rejected: `torch.nn.functional.embedding_bag`
Jail: counted
"""

import torch
from torch.nn import functional

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(256, 256)
    places = torch.arange(256).repeat(256, 1)
    functional.embedding_bag(places, matrix, per_sample_weights=matrix, mode="sum")
    return torch.full((len(runs), 1), float(2 * 256**3))
