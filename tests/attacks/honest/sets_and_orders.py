"""Sorts, ranks and intersects token sets in Python."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    every = [frozenset(run.tokens) for run in question.runs]
    common = frozenset.intersection(*every)
    rank_of = {run: rank for rank, run in enumerate(sorted(runs, key=lambda run: (len(run.tokens), tuple(run.tokens))))}
    rows = []
    for run in runs:
        mine = frozenset(run.tokens)
        overlap = max((len(mine & other) / len(mine | other) for other in every if other != mine), default=0.0)
        rows.append([float(len(mine - common)), overlap, float(rank_of[run])])
    return torch.tensor(rows)
