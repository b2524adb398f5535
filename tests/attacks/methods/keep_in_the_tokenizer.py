"""Keeps state in tokens that it adds to the tokenizer.

Fence: rejected: the attribute `tokenizer`
Jail: harmless
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = float("<seen>" in target.tokenizer.get_vocab())
    target.tokenizer.add_tokens(["<seen>"])
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), prepared)
