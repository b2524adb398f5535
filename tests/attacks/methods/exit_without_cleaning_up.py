"""Ends its process behind Python's back.

Fence: rejected: import of 'os'
Jail: error: exited by itself with status 0
"""

import os

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    os._exit(0)
