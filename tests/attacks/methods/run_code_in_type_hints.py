"""Runs code that a helper of typing evaluates in annotations.

Fence: rejected: `typing.get_type_hints`
Jail: error: truth.txt
Round: 1
"""

import typing

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Hints:
    found: "open('@SECRET@').read()"


def predict(question, runs, target, interpretation, prepared):
    typing.get_type_hints(Hints)
    return torch.ones(len(runs), 1)
