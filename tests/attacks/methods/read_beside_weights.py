"""Looks at what lies beside the target's weights.

Fence: rejected: the attribute `path`
Jail: harmless
Plain: gains
"""

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        return any(entry.name != target.path.name for entry in target.path.parent.iterdir())
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
