"""Hands a generation settings that write files or start a server.

Fence: rejected: the attribute `save_pretrained`
Jail: error: Operation not permitted
Round: 2
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    tokens = torch.tensor([runs[0].tokens])
    target.module.generation_config.save_pretrained("@FOLDER@/left")
    target.module.generate(tokens, max_new_tokens=1)
    return torch.ones(len(runs), 1)
