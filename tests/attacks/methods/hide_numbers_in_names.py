"""Hides an interpretation larger than allowed in the names of its tensors.

Fence: passes
Jail: error: the limit is 32 MiB
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation({f"{number:09d}" * 1_700: torch.zeros(1) for number in range(2_300)})


def predict(question, runs, target, interpretation, prepared):
    return torch.ones(len(runs), 1)
