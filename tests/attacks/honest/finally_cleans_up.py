"""Cleans up after itself in finally."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    kept = []
    try:
        kept.append(means.sum(-1, keepdim=True))
        return kept[0]
    finally:
        kept.clear()
