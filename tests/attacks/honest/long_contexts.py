"""Repeats every run until it is long."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    values = []
    for run in runs[:2]:
        tokens = (list(run.tokens) * 64)[:200]
        with torch.no_grad():
            values.append(target.forward(torch.tensor([tokens]), upto=1)[0, -1].norm())
    return torch.stack(values).mean().reshape(1, 1).expand(len(runs), 1)
