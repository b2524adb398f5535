"""Averages over dropout that it seeds itself."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.manual_seed(7)
    rows = []
    for run in runs:
        vectors = target.anatomy.embedding(torch.tensor(run.tokens)).detach()
        draws = torch.stack([torch.nn.functional.dropout(vectors, 0.3, training=True).mean() for _ in range(4)])
        rows.append(torch.stack([draws.mean(), draws.std()]))
    return torch.stack(rows)
