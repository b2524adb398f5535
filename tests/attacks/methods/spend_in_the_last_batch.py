"""Is cheap until the last batch and spends everything there.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    times = 20 if 2 * len(runs) > len(question.runs) - 1 else 0
    for _ in range(times):
        torch.ones(256, 256) @ torch.ones(256, 256)
    return torch.full((len(runs), 1), float(times * 2 * 256**3))
