"""Reaches a module that an open one has imported.

Fence: rejected: `statistics.sys`
"""

from statistics import sys

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return sys.modules["os"]
