"""Runs runs of one length together through the model, without padding."""

import collections

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    rows_of = collections.defaultdict(list)
    for row, run in enumerate(runs):
        rows_of[len(run.tokens)].append(row)
    out = torch.zeros(len(runs), 2)
    for rows in rows_of.values():
        with torch.inference_mode():
            ends = target.forward(torch.tensor([runs[row].tokens for row in rows]), upto=1)[:, -1]
        for row, end in zip(rows, ends, strict=True):
            out[row] = torch.stack([end.amax(), end.amin()])
    return out
