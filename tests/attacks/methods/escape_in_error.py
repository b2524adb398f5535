"""Writes to the terminal through its error.

Fence: passes
Jail: error: ValueError
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    raise ValueError("\x1b[2J\x1b]0;owned\x07\u202e\r")
