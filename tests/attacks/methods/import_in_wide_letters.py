"""Spells a closed name in letters that Python takes for the same.

Fence: rejected: `open`
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return ｏｐｅｎ("/etc/passwd")
