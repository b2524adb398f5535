"""Convolves embeddings along each run."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    kernel = torch.tensor([[[0.25, 0.5, 0.25]]])
    rows = []
    for run in runs:
        vectors = target.anatomy.embedding(torch.tensor(run.tokens)).detach().T.unsqueeze(1)
        smooth = torch.nn.functional.conv1d(vectors, kernel, padding=1)
        rows.append(torch.stack([smooth.amax(), smooth.std(), torch.nn.functional.relu(smooth).mean()]))
    return torch.stack(rows)
