"""Summarises small numbers with Python's statistics."""

import math
import statistics

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    rows = []
    for run in runs:
        norms = target.anatomy.embedding(torch.tensor(run.tokens)).detach().norm(dim=-1).tolist()
        rows.append([statistics.fmean(norms), statistics.median(norms), statistics.pstdev(norms), math.fsum(norms)])
    return torch.tensor(rows)
