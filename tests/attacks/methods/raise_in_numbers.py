"""Raises inside the conversion of what it returns.

Fence: rejected: the special method `__float__`
Jail: error: gave no answer
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Number(float):
    def __float__(self):
        raise KeyboardInterrupt

    def __index__(self):
        raise SystemExit


def predict(question, runs, target, interpretation, prepared):
    return torch.tensor([[Number(1.0)] for _ in runs]) + Number(1.0).__index__()
