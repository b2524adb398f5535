"""Calls what import statements call.

Fence: rejected: the name `__import__`
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return __import__("os")
