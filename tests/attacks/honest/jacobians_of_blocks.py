"""Takes the Jacobian of a norm for all runs at once."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))]).detach()
    directions = torch.eye(target.width)[:3]

    def seen(vector):
        return torch.tanh(directions @ vector)

    jacobians = torch.func.vmap(torch.func.jacrev(seen))(means)
    return jacobians.diagonal(dim1=1, dim2=2)
