"""Redirects what is printed to an object of its own.

Fence: rejected: `contextlib.redirect_stderr`
Jail: harmless
Round: 1
"""

import contextlib

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


class Sink:
    def __init__(self):
        self.seen = []

    def write(self, text):
        self.seen.append(text)


def predict(question, runs, target, interpretation, prepared):
    sink = Sink()
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        target.run(runs)
    return torch.full((len(runs), 1), float(len(sink.seen)))
