"""Searches for the likeliest two tokens with a beam."""

import torch

from istar.methods import Interpretation


def interpret(target, corpus):
    return Interpretation()


def predict(question, runs, target, interpretation, prepared):
    values = []
    for run in runs[:3]:
        beams = [(0.0, list(run.tokens))]
        for _ in range(2):
            grown = []
            for score, tokens in beams:
                log_probs = target.unembed(target.forward(torch.tensor([tokens[-16:]]))[0, -1])
                best = log_probs.topk(2)
                for gain, token in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                    grown.append((score + gain, [*tokens, token]))
            beams = sorted(grown, reverse=True)[:2]
        values.append(beams[0][0])
    return torch.tensor([[sum(values) / len(values)]] * len(runs))
