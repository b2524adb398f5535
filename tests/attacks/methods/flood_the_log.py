"""Raises an error of a hundred megabytes.

Fence: passes
Jail: error: ValueError: .'aaa
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    raise ValueError(["a" * 10**4] * 10**4)
