"""Fits a ridge by a quasi-Newton optimiser in prepare."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    streams = target.run(question.runs[:8], upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(question.runs[:8]))]).detach()
    wanted = torch.tensor([float(len(run.tokens)) for run in question.runs[:8]])
    weight = torch.zeros(means.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=5)

    def closure():
        optimiser.zero_grad()
        loss = (means @ weight - wanted).square().mean() + 0.1 * weight.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weight.detach()


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    return torch.stack([streams.at(row).mean(0) @ prepared for row in range(len(runs))]).unsqueeze(-1)
