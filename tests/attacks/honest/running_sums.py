"""Adds up along each run with cumulative sums and products."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    rows = []
    for run in runs:
        vectors = target.anatomy.embedding(torch.tensor(run.tokens))
        rows.append(
            torch.stack([vectors.cumsum(0)[-1].norm(), torch.cumprod(torch.sigmoid(vectors.mean(-1)), 0).sum()])
        )
    return torch.stack(rows)
