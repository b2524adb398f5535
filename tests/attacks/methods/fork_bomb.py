"""Forks until nothing else can run.

Fence: rejected: import of 'os'
Jail: harmless
"""

import os
import time

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        for _ in range(100):
            if os.fork() == 0:
                time.sleep(1)
                os._exit(0)
        return True
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
