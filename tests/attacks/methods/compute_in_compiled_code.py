"""Has torch compile its work.

Fence: rejected: `torch.compile`
Jail: error: .
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    work = torch.compile(lambda x: x @ x, fullgraph=True)
    return work(torch.ones(64, 64))[:1, :1].expand(len(runs), 1)
