"""Runs a text as code.

Fence: rejected: `eval`
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return eval("1")
