"""Maps a function's gradient over all runs with torch.func."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])

    def energy(vector):
        return torch.logsumexp(vector, dim=0)

    slopes = torch.func.vmap(torch.func.grad(energy))(means)
    return (slopes * means).sum(-1, keepdim=True)
