"""Writes to the terminal through the fence's own message.

Fence: rejected: the attribute
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return getattr(target, "_\x1b]0;owned\x07")
