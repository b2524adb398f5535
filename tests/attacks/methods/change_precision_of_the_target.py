"""Makes the target compute in half precision, or truth in another.

Fence: rejected: `torch.set_default_dtype`
Jail: harmless
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    torch.set_default_dtype(torch.bfloat16)
    torch.set_float32_matmul_precision("medium")
    torch.backends.mkldnn.enabled = False
    return torch.zeros(len(runs), 1)
