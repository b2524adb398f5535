"""Opens files through the path to the weights.

Fence: rejected: the attribute `path`
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return target.path.joinpath("/etc/passwd").open()
