"""Inverts by rank-one updates and reads leverages."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))]).detach()
    inverse = torch.eye(target.width)
    for vector in means:
        turned = inverse @ vector
        inverse = inverse - torch.outer(turned, turned) / (1 + vector @ turned)
    return torch.einsum("rw,wv,rv->r", means, inverse, means).unsqueeze(-1)
