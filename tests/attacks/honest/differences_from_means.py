"""Compares each run with others of the same group, from the structure."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return {"known": {run: row for row, run in enumerate(question.runs)}, "streams": {}}


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    for row, run in enumerate(runs):
        prepared["streams"][run] = streams.at(row).mean(0).detach()
    mean = torch.stack(list(prepared["streams"].values())).mean(0)
    return torch.stack([prepared["streams"][run] - mean for run in runs])[:, :3]
