"""Aborts its process.

Fence: rejected: import of 'os'
Jail: error: SIGABRT
"""

import os

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    os.abort()
