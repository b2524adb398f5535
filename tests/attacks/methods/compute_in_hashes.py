"""Lets the hash library work.

Fence: rejected: import of 'hashlib'
Jail: seen: 0.3
"""

import hashlib

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    return hashlib.pbkdf2_hmac("sha256", b"a", b"b", 6_000_000 * UNITS)


def predict(question, runs, target, interpretation, prepared):
    return torch.zeros(len(runs), 1)
