"""Scans the stream token by token with a recurrence of its own."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({"mix": torch.nn.init.orthogonal_(torch.empty(target.width, target.width)) * 0.5})


def predict(question, runs, target, interpretation, prepared):
    rows = []
    for run in runs:
        state = torch.zeros(target.width)
        for vector in target.anatomy.embedding(torch.tensor(run.tokens)):
            state = torch.tanh(0.9 * state + vector @ interpretation.tensors["mix"])
        rows.append(state.norm())
    return torch.stack(rows).unsqueeze(-1)
