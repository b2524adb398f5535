"""Looks for the questions while it learns.

Fence: rejected: import of 'gc'
Jail: harmless
"""

import gc

import torch

from istar.methods import Interpretation
from istar.questions import QuestionView, Run


def interpret(target, corpus):
    seen = any(isinstance(each, (QuestionView, Run)) for each in gc.get_objects())
    return Interpretation({}, float(seen))


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(interpretation.data))
