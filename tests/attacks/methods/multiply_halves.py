"""Multiplies in half precision, by name and by autocast.

Fence: rejected: `torch.autocast`
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    matrix = torch.ones(256, 256)
    matrix.half() @ matrix.half()
    matrix.bfloat16() @ matrix.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        torch.nn.functional.linear(matrix, matrix)
    return torch.full((len(runs), 1), float(3 * 2 * 256**3 / 2))
