"""Keeps running moments by Welford's recurrence in a class of its own."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Moments:
    """Mean and spread of what was added."""

    def __init__(self, width):
        self.count = 0
        self.mean = torch.zeros(width)
        self.spread = torch.zeros(width)

    def add(self, vector):
        """Add one vector."""
        self.count += 1
        change = vector - self.mean
        self.mean = self.mean + change / self.count
        self.spread = self.spread + change * (vector - self.mean)


def predict(question, runs, target, interpretation, prepared):
    rows = []
    for run in runs:
        moments = Moments(target.width)
        for vector in target.anatomy.embedding(torch.tensor(run.tokens)).detach():
            moments.add(vector)
        rows.append(torch.stack([moments.mean.norm(), moments.spread.sum()]))
    return torch.stack(rows)
