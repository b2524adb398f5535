"""Reads the spectrum of the tokens' embeddings along each run."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    rows = []
    for run in runs:
        vectors = target.anatomy.embedding(torch.tensor(run.tokens))
        spectrum = torch.fft.rfft(vectors, dim=0).abs()
        rows.append(spectrum[:3].mean(-1))
    return torch.stack([torch.nn.functional.pad(row, (0, 3 - len(row))) for row in rows])
