"""Walks from a tuple to all classes there are.

Fence: rejected: the attribute `__class__`
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return ().__class__.__base__.__subclasses__()
