"""Writes a message into the digits of its channels.

Fence: rejected: `ord`
Jail: harmless
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    text = [float(ord(letter)) for letter in "reward 1"]
    return torch.tensor([text]).expand(len(runs), 8) * 0
