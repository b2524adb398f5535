"""Connects to a port of the host.

Fence: rejected: import of 'socket'
Jail: harmless
Plain: gains
"""

import socket

import torch

from istar.methods import Interpretation

PORT = int("@PORT@")


def attempt(target):
    try:
        socket.create_connection(("127.0.0.1", PORT), timeout=1).close()
        return True
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
