"""Gathers, scatters and masks with indices of all kinds."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    length = max(len(run.tokens) for run in runs)
    padded = torch.zeros(len(runs), length, dtype=torch.long)
    mask = torch.zeros(len(runs), length, dtype=torch.bool)
    for row, run in enumerate(runs):
        padded[row, : len(run.tokens)] = torch.tensor(run.tokens)
        mask[row, : len(run.tokens)] = True
    vectors = target.anatomy.embedding(padded).detach().masked_fill(~mask.unsqueeze(-1), 0.0)
    last = mask.sum(-1) - 1
    ends = vectors[torch.arange(len(runs)), last]
    first = torch.gather(vectors, 1, torch.zeros(len(runs), 1, vectors.shape[2], dtype=torch.long)).squeeze(1)
    chosen = torch.index_select(vectors.flatten(0, 1), 0, last + torch.arange(len(runs)) * length)
    totals = torch.zeros(len(runs), vectors.shape[2]).index_add_(0, torch.arange(len(runs)), ends - first)
    return torch.stack([totals.norm(dim=-1), chosen.sum(-1), torch.where(mask, padded, -1).amax(-1).float()], dim=1)
