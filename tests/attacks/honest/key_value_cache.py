"""Decodes with the target's own cache of keys and values."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    values = []
    for run in runs:
        tokens = torch.tensor([run.tokens])
        with torch.no_grad():
            start = target.module(tokens[:, :-1], use_cache=True)
            end = target.module(tokens[:, -1:], past_key_values=start.past_key_values, use_cache=True)
        values.append(end.logits[0, -1].logsumexp(0))
    return torch.stack(values).unsqueeze(-1)
