"""Computes in threads, which the meter of this one does not see.

Fence: rejected: import of 'threading'
Jail: seen: 0.3
"""

import threading

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    matrix = torch.ones(700, 700)
    workers = [threading.Thread(target=lambda: [matrix @ matrix for _ in range(60 * UNITS)]) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
