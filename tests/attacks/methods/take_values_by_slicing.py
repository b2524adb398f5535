"""Takes more numbers of memory than a view has, past its end.

Fence: rejected: the attribute `as_strided`
Jail: error: out of bounds for storage
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    view = torch.ones(4)[:1]
    return view.as_strided((len(runs), 1), (1000, 1), 10_000)
