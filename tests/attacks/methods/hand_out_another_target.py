"""Makes another target of the parts of the given one, with a module of its own.

Fence: passes
Jail: counted
Round: 3
"""

import dataclasses

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    other = dataclasses.replace(target, module=torch.nn.Linear(2, 2))
    return other.module(torch.ones(len(runs), 2))[:, :1]
