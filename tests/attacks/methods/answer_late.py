"""Leaves a thread behind that writes once the answer is out.

Fence: rejected: import of 'threading'
Jail: harmless
"""

import os
import threading
import time

import torch

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
    pipe = reply_pipe()
    threading.Timer(0.001, lambda: time.sleep(0.2) or os.write(pipe, b"late")).start()
    return torch.full((len(runs), 1), float(0))
