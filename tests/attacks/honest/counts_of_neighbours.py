"""Counts pairs and triples of the corpus in Python, with back-off."""

import collections
import math

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    counts = collections.Counter()
    for tokens in corpus.tokens:
        for size in (1, 2, 3):
            counts.update(tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1))
    return Interpretation({}, {" ".join(map(str, key)): count for key, count in counts.items()})


def predict(question, runs, target, interpretation, prepared):
    counts = interpretation.data

    def score(tokens):
        total = 0.0
        for end in range(1, len(tokens) + 1):
            for size in (3, 2, 1):
                key = " ".join(map(str, tokens[max(0, end - size) : end]))
                if key in counts:
                    total += math.log1p(counts[key]) * size
                    break
        return total

    return torch.tensor([[score(run.tokens)] for run in runs])
