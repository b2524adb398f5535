"""Fits a small network with Adam in prepare, with a schedule."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    torch.manual_seed(0)
    lengths = torch.tensor([[float(len(run.tokens)), float(run.tokens[0])] for run in question.runs])
    network = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(30):
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(network(lengths).squeeze(-1), lengths.sum(-1))
        loss.backward()
        optimiser.step()
    return network


def predict(question, runs, target, interpretation, prepared):
    lengths = torch.tensor([[float(len(run.tokens)), float(run.tokens[0])] for run in runs])
    return prepared(lengths).detach()
