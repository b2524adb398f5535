"""Goes from tokens to text and back."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    values = []
    for run in runs:
        text = target.decode(run.tokens)
        values.append([float(len(text)), float(len(target.encode(text.strip().lower()))), float(text.count("e"))])
    return torch.tensor(values)
