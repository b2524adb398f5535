"""Behavioural student: a small model distilled from the target's outputs alone, a black-box control.

The student never sees a weight or an activation. It factors the target's next-token log-probabilities on generic text
into coordinates and token vectors, and predicts the coordinates from the vectors of the last tokens by ridge
regression: the last tokens one by one, and averages over longer stretches. Running it costs next to nothing a token.
A white-box method that does not beat it has found nothing that behaviour alone does not show.

Source: distillation, Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015); that the
log-probabilities have low rank, and token vectors can be had from outputs, Carlini et al., "Stealing Part of a
Production Language Model" (2024).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

RANK = 64  # coordinates of a distribution
POSITIONS = 2048  # of the corpus that the factorisation uses; the regression uses them all
RECENT = 3  # tokens that the student sees one by one
DECAYS = (0.7, 0.9, 0.97)  # averages over what came before, by how fast they forget
WINDOW = 96  # tokens that the student sees at most
RIDGE = 1e-1  # penalty, as a share of the mean variance of the features
READS = 64  # positions that are read together


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Factor the target's log-probabilities, then fit the regression of coordinates on contexts."""
    with torch.no_grad():
        # kept only to have the outputs again without running the target again
        streams = [target.forward(torch.tensor([tokens]))[0, 1:] for tokens in corpus.tokens]
        every = torch.cat(streams)
        sample = target.unembed(every[torch.randperm(len(every))[:POSITIONS]])
        mean = sample.mean(0)
        sample -= mean
        energy, left = torch.linalg.eigh(sample @ sample.T)
        scale = energy[-RANK:].clamp_min(1e-6).sqrt()
        vectors = sample.T @ (left[:, -RANK:] / scale)
        size = (RECENT + len(DECAYS)) * vectors.shape[1] + 1
        gram, cross = torch.zeros(size, size), torch.zeros(size, vectors.shape[1])
        for tokens, stream in zip(corpus.tokens, streams, strict=True):
            contexts = [window(tokens[: at + 1]) for at in range(1, len(tokens))]
            seen = features(torch.tensor(contexts), vectors)
            gram += seen.T @ seen
            cross += seen.T @ ((target.unembed(stream) - mean) @ vectors)
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(size)
    return Interpretation({"vectors": vectors, "mean": mean, "slope": torch.linalg.solve(gram + penalty, cross)})


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Read each run off the student's distributions."""
    vectors, mean, slope = (interpretation.tensors[name] for name in ("vectors", "mean", "slope"))
    values: list[float] = []
    start = 0
    while start < len(runs):
        stop = start
        reads: dict[tuple[int, ...], int] = {}
        while stop < len(runs) and len(reads) < READS:
            for path in runs[stop].paths:
                for at in path.reads:
                    reads.setdefault(window(path.tokens[: at + 1]), len(reads))
            stop += 1
        logits = features(torch.tensor(list(reads)), vectors) @ slope @ vectors.T + mean
        log_probs = torch.log_softmax(logits, dim=-1)
        for run in runs[start:stop]:
            paths = [log_probs[[reads[window(path.tokens[: at + 1])] for at in path.reads]] for path in run.paths]
            values.append(run.readout.value(run.tokens, paths))
        start = stop
    return torch.tensor(values).unsqueeze(-1)


def window(tokens: tuple[int, ...]) -> tuple[int, ...]:
    """Return the last WINDOW tokens, the first one repeated in front where there are fewer."""
    return (tokens[0],) * (WINDOW - len(tokens)) + tokens[-WINDOW:]


def features(contexts: Int[Tensor, "contexts window"], vectors: Float[Tensor, "vocabulary rank"]) -> Tensor:
    """Return the last tokens' vectors, decaying averages of all, and a constant."""
    recent = vectors[contexts[:, -RECENT:]].flatten(1)
    age = torch.arange(WINDOW - 1, -1, -1)
    weights = torch.stack([(1 - decay) * decay**age for decay in DECAYS])
    averages = (weights @ vectors[contexts]).flatten(1)
    return torch.cat([recent, averages, torch.ones(len(contexts), 1)], dim=1)
