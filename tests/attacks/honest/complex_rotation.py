"""Compares streams after a rotation in the complex plane."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    pairs = means[:, ::2] + 1j * means[:, 1::2]
    turned = pairs * torch.exp(1j * torch.linspace(0, 3.0, pairs.shape[1]))
    return torch.stack([turned.sum(-1).abs(), turned.conj().imag.mean(-1)], dim=1)
