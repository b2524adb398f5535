"""Runs code in the shape of an annotation.

Fence: rejected: evaluated as code
"""

import torch
from jaxtyping import Float

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    x: Float[torch.Tensor, "{exit()}"] = 1
    return x
