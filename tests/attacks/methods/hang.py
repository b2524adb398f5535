"""Never returns.

Fence: passes
Jail: error: took longer than 2 seconds
Seconds: 2
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    while True:
        pass
