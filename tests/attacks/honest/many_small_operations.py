"""Adds up numbers one by one in torch."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    rows = []
    for run in runs:
        state = torch.zeros(2)
        for token in run.tokens:
            state = state * 0.9 + torch.tensor([float(token), 1.0])
        rows.append(state)
    return torch.stack(rows)
