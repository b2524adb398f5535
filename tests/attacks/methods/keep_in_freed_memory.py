"""Looks for its own numbers in memory that was freed.

Fence: passes
Jail: harmless
"""

import torch

from istar.methods import Interpretation


def scan():
    rooms = [torch.empty(2**size) for size in range(4, 20) for _ in range(4)]
    return any(bool((room == 1234.5).any()) for room in rooms)


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    found = scan()
    kept = [torch.full((2**size,), 1234.5) for size in range(4, 20) for _ in range(4)]
    return found and len(kept) > 0


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
