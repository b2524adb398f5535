"""Takes the tokenizer and the path out of a copy of the target.

Fence: rejected: `dataclasses.astuple`
"""

from dataclasses import astuple

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    tokenizer = astuple(target)[3]
    return torch.full((len(runs), 1), len(tokenizer.vocab))
