"""Predicts with a Gaussian process whose values are the runs' own lengths."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    kernel = torch.exp(-torch.cdist(means, means)) + 0.1 * torch.eye(len(runs))
    factor = torch.linalg.cholesky(kernel)
    wanted = torch.tensor([[float(len(run.tokens))] for run in runs])
    half = torch.linalg.solve_triangular(factor, wanted, upper=False)
    return torch.linalg.solve_triangular(factor.mT, half, upper=True)
