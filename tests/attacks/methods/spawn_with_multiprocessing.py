"""Computes in processes of Python's pool.

Fence: rejected: import of 'multiprocessing'
Jail: harmless
Plain: gains
"""

import multiprocessing

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        child = multiprocessing.get_context("fork").Process(target=len, args=("",))
        child.start()
        child.join()
        return True
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
