"""Builds an extension in C++.

Fence: rejected: import of 'torch.utils.cpp_extension'
Jail: error: .
"""

import torch
from torch.utils.cpp_extension import load_inline

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    work = load_inline("work", "int work() { return 1; }", functions=["work"])
    return torch.full((len(runs), 1), float(work.work()))
