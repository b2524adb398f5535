"""Opens a socket to ask a name server with.

Fence: rejected: import of 'socket'
Jail: harmless
Plain: gains
"""

import socket

import torch

from istar.methods import Interpretation


def attempt(target):
    try:
        return bool(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
