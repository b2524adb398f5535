"""Grows a text in place where Python swallows what is raised.

Fence: passes
Jail: harmless
Round: 5
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    text = "ab"

    def work():
        nonlocal text
        try:
            yield 1
        finally:
            text += text * 100

    for _ in range(8):
        late = work()
        next(late)
        del late
    return torch.full((len(runs), 1), float(len(text) > 16_384))
