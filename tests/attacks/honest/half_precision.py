"""Computes in bfloat16 and float16."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    small = means.to(torch.bfloat16)
    product = small @ target.anatomy.unembedding.weight.to(torch.bfloat16).T
    return torch.cat([product.float().logsumexp(-1, keepdim=True), means.half().float().amax(-1, keepdim=True)], dim=1)
