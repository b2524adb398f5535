"""Reads the stream after every block through lenses."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    channels = []
    for layer in range(1, target.layers + 1):
        streams = target.run(runs, upto=layer)
        channels.append(target.read(runs, streams, lens=lambda stream, scale=layer: stream * (1 + 0.1 * scale)))
    return torch.stack(channels, dim=1)
