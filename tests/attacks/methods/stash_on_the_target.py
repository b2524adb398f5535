"""Keeps state on the target, passed as `self`.

Fence: passes
Jail: error: an attribute of a LlamaForCausalLM is assigned to
"""

import torch

from istar.methods import Interpretation


class Stash:
    def put(self):
        self.note = 1


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    Stash.put(target.module)
    return torch.full((len(runs), 1), float(1))
