"""Projects streams on principal components learned by an SVD."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    streams = torch.cat([target.forward(torch.tensor([tokens]), upto=1)[0] for tokens in corpus.tokens])
    mean = streams.mean(0)
    _, _, right = torch.linalg.svd(streams - mean, full_matrices=False)
    return Interpretation({"mean": mean, "axes": right[:4].T.contiguous()})


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    return (means - interpretation.tensors["mean"]) @ interpretation.tensors["axes"]
