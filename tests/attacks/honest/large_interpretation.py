"""Learns thirty megabytes."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({"table": torch.randn(target.width, 30 * 2**20 // (4 * target.width))})


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    return means @ interpretation.tensors["table"][: target.width, :2]
