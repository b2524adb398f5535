"""Keeps state in a thread's name, which the system shows.

Fence: rejected: import of 'threading'
Jail: harmless
"""

import threading

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    thread = threading.main_thread()
    found = thread.name == "seen"
    thread.name = "seen"
    return found


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
