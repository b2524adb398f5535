"""Smooths over the question's runs with a Gaussian kernel."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    streams = target.run(question.runs[:16], upto=1)
    return torch.stack([streams.at(row).mean(0) for row in range(len(question.runs[:16]))])


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    kernel = torch.exp(-torch.cdist(means, prepared).square() / 2)
    return (kernel @ prepared.norm(dim=-1, keepdim=True)) / (kernel.sum(-1, keepdim=True) + 1e-6)
