"""Takes gradients of the stream's norm with respect to the embeddings."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    values = []
    for run in runs:
        vectors = target.anatomy.embedding(torch.tensor([run.tokens])).detach().requires_grad_(True)
        end = target.anatomy.final_norm(vectors).square().sum()
        (slope,) = torch.autograd.grad(end, vectors)
        values.append((slope * vectors).sum().detach())
    return torch.stack(values).unsqueeze(-1)
