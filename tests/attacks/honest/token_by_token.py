"""Runs each token through the first block by itself."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    rows = []
    for run in runs:
        total = torch.zeros(())
        for token in run.tokens:
            total = total + target.forward(torch.tensor([[token]]), upto=1)[0, 0].norm()
        rows.append(total)
    return torch.stack(rows).unsqueeze(-1)
