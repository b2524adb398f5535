"""Copies attributes by their names with a helper for decorators.

Fence: rejected: `functools.update_wrapper`
Jail: error: readonly attribute
Round: 1
"""

import functools

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    def mine():
        return None

    def copy():
        return None

    functools.update_wrapper(copy, target.run, assigned=("__globals__", "__func__"), updated=())
    return torch.full((len(runs), 1), float(len(vars(copy)) > 1))
