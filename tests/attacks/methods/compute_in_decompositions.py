"""Has linear algebra multiply for it.

Fence: passes
Jail: counted
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.linalg.inv(torch.eye(128).expand(8, 128, 128).contiguous())
    return torch.full((len(runs), 1), float(8 * 2 * 128**3))
