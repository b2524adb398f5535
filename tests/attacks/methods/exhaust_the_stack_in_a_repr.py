"""Recurses in the text of an error.

Fence: passes
Jail: error: an error that cannot say what it is
Round: 1
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    raise ValueError(nested)
