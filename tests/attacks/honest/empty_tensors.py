"""Handles groups of runs of which some are empty."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    groups = [[run for run in runs if len(run.tokens) % 3 == rest] for rest in range(3)]
    means = [torch.tensor([float(len(run.tokens)) for run in group]).reshape(-1, 1).sum(0) for group in groups]
    return torch.cat(means).expand(len(runs), 3)
