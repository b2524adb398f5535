"""Answers without an end.

Fence: rejected: import of 'os'
Jail: error: a frame begins with
"""

import os

from istar.methods import Interpretation


def reply_pipe():
    for descriptor in range(3, 64):
        try:
            if os.stat(descriptor) and os.write(descriptor, b"") == 0:
                return descriptor
        except OSError:
            continue


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    while True:
        os.write(reply_pipe(), bytes(65536))
