"""Takes gradient steps by hand on a vector of its own."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    rows = []
    for run in runs:
        vectors = target.anatomy.embedding(torch.tensor(run.tokens)).detach()
        probe = torch.zeros(vectors.shape[1])
        for _ in range(3):
            probe.requires_grad_(True)
            loss = (vectors @ probe - 1).square().mean()
            (slope,) = torch.autograd.grad(loss, probe)
            probe = (probe - 0.1 * slope).detach()
        rows.append(probe.norm())
    return torch.stack(rows).unsqueeze(-1)
