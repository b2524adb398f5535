"""Squares a number in place where Python swallows what is raised: in a generator that nothing holds.

Fence: passes
Jail: harmless
Round: 4
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    number = 3

    def work():
        nonlocal number
        try:
            yield 1
        finally:
            number *= number

    for _ in range(16):
        late = work()
        next(late)
        del late
    return torch.full((len(runs), 1), float(number > 2.0**129))
