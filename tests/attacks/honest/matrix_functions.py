"""Solves, decomposes and inverts small matrices."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    gram = means @ means.T + torch.eye(len(runs))
    factor = torch.linalg.cholesky(gram)
    solved = torch.linalg.solve(gram, means.mean(-1, keepdim=True))
    values = torch.linalg.eigvalsh(gram)
    return torch.stack([solved.squeeze(-1), factor.diagonal(), values], dim=1)
