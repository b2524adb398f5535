"""Ranks runs by what is known of them."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    score = means.norm(dim=-1)
    order = torch.argsort(score)
    ranks = torch.empty(len(runs)).scatter_(0, order, torch.arange(len(runs), dtype=torch.float32))
    top = torch.topk(means, 3, dim=-1).values
    return torch.cat([ranks.unsqueeze(-1), top, torch.quantile(means, 0.5, dim=-1, keepdim=True)], dim=1)
