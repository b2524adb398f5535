"""Takes scalar products in the directions of a quasi-Newton optimiser.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    weight = torch.nn.Parameter(torch.ones(200_000))
    optimiser = torch.optim.LBFGS([weight], max_iter=10, history_size=10)

    def closure():
        optimiser.zero_grad()
        loss = (weight**4).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return torch.full((len(runs), 1), float(10 * 10 * 2 * 200_000))
