"""Takes apart a copy of what it was given, down to arrays of numpy.

Fence: rejected: `dataclasses.asdict`
Jail: error: no price for the operation
"""

from dataclasses import asdict

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    plan = asdict(target.run(question.runs, upto=0))["_plan"]
    matrix = plan["nodes"].astype(float).repeat(10**6)[: 10**6].reshape(1000, 1000)
    for _ in range(25 * UNITS):
        matrix = matrix @ matrix / 10**6
    return matrix


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
