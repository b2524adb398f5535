"""Spectral signatures: where a question's rows lie along the directions in which their own streams differ most.

Rows of one question are alike but for what the question varies, so the leading singular directions of their centred
residual streams are likely to carry what it varies; poisoned rows were first found this way. A run is where its first
path is read last, at DEPTH. The channels are its signed coordinates, so that a linear model of them may find the
square of the original score or not.

Rows come in batches, and a channel has to mean the same in all of them. Centre and directions are those of the rows
seen when ENOUGH of them have been seen for the first time, and stay. Batches before that (questions with few rows, or
the first batches of others) are given the coordinates of the corpus instead, in as many channels: these are other
numbers, and the price of having the channels from the first row on.

Source: Tran, Li and Madry, "Spectral Signatures in Backdoor Attacks" (2018).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import Entropy, QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.5  # share of the blocks that run
DIRECTIONS = 4  # channels
ENOUGH = 16  # rows from which a question's own directions are found


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Find centre and directions of the corpus, without the first positions, whose streams are outliers."""
    with torch.no_grad():
        sequences = [target.forward(torch.tensor([tokens]), upto=layer(target))[0, 1:] for tokens in corpus.tokens]
    centre, directions = spectrum(torch.cat(sequences))
    return Interpretation({"centre": centre, "directions": directions})


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> dict[str, Tensor]:
    """Start with no row seen, and the corpus's centre and directions."""
    return {"seen": torch.empty(0, target.width), **interpretation.tensors}


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: dict[str, Tensor],
) -> Float[Tensor, "runs channels"]:
    """Return each run's coordinates."""
    streams = target.run([cut(run) for run in runs], upto=layer(target))
    here = torch.cat([streams.at(row) for row in range(len(runs))])
    if len(prepared["seen"]) < ENOUGH:
        prepared["seen"] = torch.cat([prepared["seen"], here])
        if len(prepared["seen"]) >= ENOUGH:
            prepared["centre"], prepared["directions"] = spectrum(prepared["seen"])
    return (here - prepared["centre"]) @ prepared["directions"]


def spectrum(rows: Float[Tensor, "rows width"]) -> tuple[Float[Tensor, " width"], Float[Tensor, "width directions"]]:
    """Return the mean and the top right singular vectors, each with its largest component positive."""
    centre = rows.mean(0)
    directions = torch.linalg.svd(rows - centre, full_matrices=False).Vh[:DIRECTIONS]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return centre, (directions * largest.sign()).T.contiguous()


def cut(run: Run) -> Run:
    """Return the run of the first path's tokens up to its last read, which is what its readout reads."""
    path = run.paths[0]
    return Run(path.tokens[: path.reads[-1] + 1], Entropy(), run.intervention)


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
