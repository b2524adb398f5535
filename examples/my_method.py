"""A method of your own: read what the target will say off an early layer, through two lenses at once.

Check it in seconds:       istar check examples/my_method.py
Score it on the real one:  istar score examples/my_method.py --split train
"""

import torch

from istar.methods import Interpretation

EARLY = 0.5  # the share of the target's blocks that run; each block left out is computation saved


def interpret(target, corpus):
    """Once per target, not charged: learn from generic text how the early residual stream maps to the last one."""
    layer = round(EARLY * target.layers)
    with torch.no_grad():
        early = torch.cat([target.forward(torch.tensor([tokens]), upto=layer)[0, 1:] for tokens in corpus.tokens])
        late = torch.cat([target.forward(torch.tensor([tokens]))[0, 1:] for tokens in corpus.tokens])
    early = torch.cat([early, torch.ones(len(early), 1)], dim=1)  # the last column is the offset
    penalty = 0.01 * early.square().sum(0).mean() * torch.eye(early.shape[1])
    return Interpretation({"lens": torch.linalg.solve(early.T @ early + penalty, early.T @ late)})


def predict(question, runs, target, interpretation, prepared):
    """For each batch of runs, charged: one row of numbers a run; the executor learns what they are worth."""
    lens = interpretation.tensors["lens"]
    # Each unique token of the runs is computed once, up to the early layer and no further.
    streams = target.run(runs, upto=round(EARLY * target.layers))
    raw = target.read(runs, streams)
    tuned = target.read(runs, streams, lens=lambda stream: stream @ lens[:-1] + lens[-1])
    return torch.stack([raw, tuned], dim=1)
