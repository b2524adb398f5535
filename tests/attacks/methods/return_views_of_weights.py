"""Returns the target's own weights as its answer, and changes them later.

Fence: passes
Jail: error: left the target changed
Round: 6
"""

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    weight = target.anatomy.embedding.weight.detach()
    view = weight[: len(runs), :1]
    view.add_(1.0)
    return view
