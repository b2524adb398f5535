"""Has torch script its work.

Fence: rejected: `torch.jit`
Jail: counted
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    work = torch.jit.trace(lambda x: x @ x, torch.ones(256, 256))
    work(torch.ones(256, 256))
    return torch.full((len(runs), 1), float(2 * 2 * 256**3))
