"""Learns a sparse dictionary and reads the active features."""

import torch

from istar.methods import Interpretation, SparseCode, fit_sparse_code


def interpret(target, corpus):
    with torch.no_grad():
        stream = torch.cat([target.forward(torch.tensor([tokens]), upto=1)[0] for tokens in corpus.tokens])
    return Interpretation(fit_sparse_code(stream, stream, 2 * target.width, 4, steps=20).tensors)


def predict(question, runs, target, interpretation, prepared):
    streams = target.run(runs, upto=1)
    code = SparseCode.of(interpretation.tensors).encode(streams.values, 4)
    return torch.stack([code[torch.as_tensor(streams.index(row))].mean(0)[:4] for row in range(len(runs))])
