"""Lets the target's own fine-tuning do products on texts of its own.

Fence: passes
Jail: counted
Round: 2
"""

import torch

from istar.methods import Interpretation
from istar.questions import FineTune, Run


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    tune = FineTune((runs[0].tokens,), (1,), rate=0.01, depth=0.5)
    target.run([Run(runs[0].tokens, runs[0].readout, tune)])
    return torch.full(
        (len(runs), 1),
        float(2 * len(runs[0].tokens) * sum(each.numel() for each in target.anatomy.blocks[-1].parameters())),
    )
