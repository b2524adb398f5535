"""Does its work in a hook of a run that is charged as a run.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    def hook(stream, positions):
        torch.ones(256, 256) @ torch.ones(256, 256)

    target.run(runs, hooks={0: hook})
    return torch.full((len(runs), 1), float(2 * 256**3))
