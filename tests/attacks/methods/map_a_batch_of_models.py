"""Maps the target over a batch of its own weights.

Fence: passes
Jail: counted
Round: 6
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    layer = target.anatomy.unembedding
    weights = torch.stack([layer.weight.detach()] * 4)
    inputs = torch.ones(16, layer.weight.shape[1])
    torch.func.vmap(lambda weight: torch.func.functional_call(layer, {"weight": weight}, inputs))(weights)
    return torch.full((len(runs), 1), float(4 * 2 * 16 * layer.weight.numel()))
