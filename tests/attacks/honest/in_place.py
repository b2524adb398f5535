"""Works in place on tensors of its own."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    work = means.clone()
    work.sub_(work.mean()).div_(work.std() + 1e-6).clamp_(-3, 3)
    work[:, 0] += 1
    work[0].zero_()
    out = torch.empty(len(runs), 1)
    out.copy_(work.square().sum(-1, keepdim=True))
    return out
