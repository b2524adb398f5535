"""Reads memory that is not there.

Fence: rejected: import of 'ctypes'
Jail: error: SIGSEGV
"""

import ctypes

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    ctypes.string_at(0)
