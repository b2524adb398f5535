"""Ends its process with success before the answer is due.

Fence: rejected: import of 'sys'
Jail: error: exited by itself with status 1
"""

import sys

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    sys.exit(0)
