"""Leaves a message under an abstract socket's name.

Fence: rejected: import of 'socket'
Jail: harmless
Plain: gains
"""

import socket

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        socket.socket(socket.AF_UNIX).bind("\0state")
        return True
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
