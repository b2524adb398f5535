"""Lets the target write on and looks at what it writes."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    values = []
    for run in runs[:4]:
        tokens = torch.tensor([run.tokens])
        written = target.module.generate(
            tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=3, do_sample=False, pad_token_id=1
        )
        values.append(float(written[0, -1]))
    return torch.tensor([[sum(values) / len(values)]] * len(runs))
