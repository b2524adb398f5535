"""Lets Python work in a hook while the target runs.

Fence: passes
Jail: seen: 0.3
Round: 1
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = []

    def hook(stream, positions):
        found.append(sum(number * number for number in range(20_000_000 * UNITS)))

    target.run(question.runs[:1], hooks={0: hook})
    return 1


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
