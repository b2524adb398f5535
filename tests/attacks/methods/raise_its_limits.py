"""Raises the limits on its memory and processor time.

Fence: rejected: import of 'resource'
Jail: harmless
"""

import resource

import torch

from istar.methods import Interpretation

KINDS = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)


def raised(kind):
    try:
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        return False
    return True


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(any([raised(kind) for kind in KINDS])))
