"""Aligns runs by dynamic programming in torch, cell by cell."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    first = target.anatomy.embedding(torch.tensor(question.runs[0].tokens[:8])).detach()
    rows = []
    for run in runs:
        costs = torch.cdist(first, target.anatomy.embedding(torch.tensor(run.tokens[:8])).detach())
        best = torch.zeros(costs.shape[0] + 1, costs.shape[1] + 1)
        for row in range(costs.shape[0]):
            for column in range(costs.shape[1]):
                ways = torch.stack([best[row, column], best[row, column + 1], best[row + 1, column]])
                best[row + 1, column + 1] = costs[row, column] + ways.min()
        rows.append(best[-1, -1])
    return torch.stack(rows).unsqueeze(-1)
