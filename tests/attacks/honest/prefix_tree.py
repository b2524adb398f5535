"""Builds a tree of shared prefixes and counts what hangs on it."""

import collections

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    children = collections.Counter()
    for run in question.runs:
        for end in range(1, len(run.tokens) + 1):
            children[tuple(run.tokens[:end])] += 1
    return children


def predict(question, runs, target, interpretation, prepared):
    return torch.tensor(
        [[float(sum(prepared[tuple(run.tokens[:end])] for end in range(1, len(run.tokens) + 1)))] for run in runs]
    )
