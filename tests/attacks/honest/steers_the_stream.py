"""Adds a direction to the stream in a hook and looks at the change."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    direction = target.anatomy.unembedding.weight[1].detach() * 0.1
    plain = target.read(runs, target.run(runs))
    steered = target.read(runs, target.run(runs, hooks={1: lambda stream, positions: stream + direction}))
    return torch.stack([steered - plain, steered], dim=1)
