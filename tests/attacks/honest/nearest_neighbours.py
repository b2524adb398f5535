"""Averages over the nearest runs of the batch."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    distances = torch.cdist(means, means)
    nearest = distances.topk(min(3, len(runs)), largest=False).indices
    return means.norm(dim=-1)[nearest].mean(-1, keepdim=True)
