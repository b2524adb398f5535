"""Puts a closed attribute's name together.

Fence: rejected: a name that is computed
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return getattr(target, "__cla" + "ss__")
