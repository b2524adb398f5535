"""Hides its work in an operation of its own.

Fence: rejected: `torch.library`
Jail: error: no price for the operation|cannot see inside
"""

import torch

from istar.methods import Interpretation


@torch.library.custom_op("battery::work", mutates_args=())
def work(x: torch.Tensor) -> torch.Tensor:
    return x + float((torch.ones(64, 64).numpy() @ torch.ones(64, 64).numpy())[0, 0])


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    return work(torch.zeros(len(runs), 1))
