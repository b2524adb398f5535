"""Multiplies two matrices at once, as halves of 64-bit integers.

Fence: passes
Jail: counted
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    low = torch.randint(0, 8, (256, 256))
    high = torch.randint(0, 8, (256, 256))
    factor = torch.randint(0, 8, (256, 256))
    both = (low + high * 2**32) @ factor
    assert len(runs) < 10**6 or bool((both % 2**32 == low @ factor).all())
    return torch.full((len(runs), 1), float(2 * 2 * 256**3))
