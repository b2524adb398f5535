"""Has the tokenizer make arrays of numpy.

Fence: rejected: the attribute `tokenizer`
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    found = target.tokenizer(["a"], return_tensors="np")["input_ids"]
    return torch.as_tensor(found @ found.T).expand(len(runs), 1)
