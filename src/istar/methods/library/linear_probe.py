"""Linear probe: the leading principal components of a middle residual stream, for whoever has values to regress on.

Directions are fitted to generic text and know nothing of any question. A run's channels are its coordinates along the
COMPONENTS directions in which generic text varies most, half-way up, each scaled to unit variance there, and averaged
over the positions where the run's first path is read. The probe itself is trained by the executor: it regresses the
values of the rows it buys on the channels.

That regression has one weight a channel and starts from nothing in each task, so it needs many bought rows, and the
largest directions of generic text need not carry what a question varies. It is to be expected that this does poorly
across tasks; it is the baseline that a method which knows how the target uses its streams has to beat.

Source: Alain and Bengio, "Understanding Intermediate Layers Using Linear Classifier Probes" (2016).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.5  # share of the blocks that run
COMPONENTS = 16  # channels, as far as the stream has so many


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Find the principal components of the corpus, without the first positions, whose streams are outliers."""
    with torch.no_grad():
        sequences = [target.forward(torch.tensor([tokens]), upto=layer(target))[0, 1:] for tokens in corpus.tokens]
    streams = torch.cat(sequences).double()
    mean = streams.mean(0)
    variances, directions = torch.linalg.eigh((streams - mean).T @ (streams - mean) / (len(streams) - 1))
    scaled = (directions / variances.clamp_min(1e-12).sqrt()).flip(1)[:, :COMPONENTS]  # the largest variance first
    return Interpretation({"mean": mean.float(), "directions": scaled.float().contiguous()})


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Return the coordinates of each run's mean stream over its reads."""
    streams = target.run(runs, upto=layer(target))
    means = torch.stack([streams.at(row).mean(0) for row in range(len(runs))])
    return (means - interpretation.tensors["mean"]) @ interpretation.tensors["directions"]


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
