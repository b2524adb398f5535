"""Has the tokenizer's templates reach for what the fence refuses.

Fence: rejected: the attribute `tokenizer`
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    target.tokenizer.apply_chat_template([], chat_template="{{ x.numpy() }}", x=torch.ones(1))
    return torch.full((len(runs), 1), float(0))
