"""Lets Python work where a generation asks whether to stop, and which tokens it may write.

Fence: passes
Jail: seen: 0.3
Round: 4
"""

import torch

from istar.methods import Interpretation

UNITS = int("@UNITS@")


def interpret(target, corpus):
    return Interpretation()


def prepare(question, target, interpretation):
    def allowed(batch, tokens):
        total.append(sum(number * number for number in range(10_000_000 * UNITS)))
        return [1, 2]

    total = []
    tokens = torch.tensor([question.runs[0].tokens])
    target.module.generate(tokens, max_new_tokens=2, do_sample=False, pad_token_id=1, prefix_allowed_tokens_fn=allowed)
    return 2 * 10_000_000 * UNITS * 2


def predict(question, runs, target, interpretation, prepared):
    return torch.full((len(runs), 1), float(prepared))
