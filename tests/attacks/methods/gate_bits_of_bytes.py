"""Works eight gates at a time in bytes, in place.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    left, right = torch.randint(0, 255, (2, 4_000_000), dtype=torch.uint8)
    left.bitwise_xor_(right).bitwise_and_(right).bitwise_or_(right)
    left.bitwise_not_()
    return torch.full((len(runs), 1), float(4_000_000 * 8 * 4))
