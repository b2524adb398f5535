"""Reads a closed attribute in a format string.

Fence: rejected: use an f-string
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return "{0.__class__}".format(target)
