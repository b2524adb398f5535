"""Sends a datagram to the host.

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
        channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        return bool(channel.sendto(b"1", ("127.0.0.1", PORT)))
    except OSError:
        return False


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(attempt(target)))
