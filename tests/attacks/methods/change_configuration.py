"""Changes the target's configuration.

Fence: passes
Jail: error: left the target changed
"""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    target.module.config.rope_parameters.update({"rope_theta": 1.0})
    return torch.full((len(runs), 1), float(1))
