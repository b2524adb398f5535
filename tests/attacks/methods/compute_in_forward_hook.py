"""Does its work in a hook of the target's forward.

Fence: passes
Jail: counted
"""

import torch

from istar.methods import Interpretation


def work(module, arguments, output):
    torch.ones(256, 256) @ torch.ones(256, 256)


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    with target.anatomy.blocks[0].register_forward_hook(work):
        target.run(runs)
    return torch.full((len(runs), 1), float(2 * 256**3))
