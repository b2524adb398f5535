"""Computes in processes of torch's pool.

Fence: rejected: `torch.multiprocessing`
Jail: harmless
"""

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        torch.multiprocessing.spawn(print, nprocs=1)
        return True
    except (OSError, RuntimeError):
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
