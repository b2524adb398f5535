"""Mahalanobis distance: how unlike generic text a run's residual stream is, half-way up.

The streams of the corpus at DEPTH are summed up as a Gaussian, its covariance shrunk towards a multiple of the
identity. A run is where its first path is read last. The channels are the squared Mahalanobis distance from the mean,
and the distances within the two halves of the principal directions: the one where generic text varies most, which
tells ordinary inputs apart, and the one where it hardly varies at all, where inputs of another kind stand out. The
channels do not look at what is scored, so they say something about the target's behaviour only as far as that depends
on how unusual the input is.

Source: Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks"
(2018), with one class; the split by eigenvalues follows Ren et al., "A Simple Fix to Mahalanobis Distance for
Improving Near-OOD Detection" (2021), who subtract the part that all inputs share.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import Entropy, QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.5  # share of the blocks that run
SHRINKAGE = 0.01  # weight of the identity, scaled to the mean eigenvalue, in the covariance


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Fit the Gaussian on every position of the corpus but the first of a sequence, whose stream is an outlier."""
    with torch.no_grad():
        sequences = [target.forward(torch.tensor([tokens]), upto=layer(target))[0, 1:] for tokens in corpus.tokens]
    streams = torch.cat(sequences).double()
    mean = streams.mean(0)
    energy, basis = torch.linalg.eigh((streams - mean).T @ (streams - mean) / len(streams))
    energy = (1 - SHRINKAGE) * energy + SHRINKAGE * energy.mean()
    whitening = (basis / energy.sqrt()).flip(1)  # the largest eigenvalue first
    return Interpretation({"mean": mean.float(), "whitening": whitening.float()})


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Return the squared distance, and the distances within the top and the bottom half of the eigenvalues."""
    streams = target.run([cut(run) for run in runs], upto=layer(target))
    stream = torch.cat([streams.at(row) for row in range(len(runs))])
    whitened = (stream - interpretation.tensors["mean"]) @ interpretation.tensors["whitening"]
    squares = whitened * whitened
    half = target.width // 2
    top, bottom = squares[:, :half].sum(1), squares[:, half:].sum(1)
    return torch.stack([top + bottom, top.sqrt(), bottom.sqrt()], dim=1)


def cut(run: Run) -> Run:
    """Return the run of the first path's tokens up to its last read, which is what its readout reads."""
    path = run.paths[0]
    return Run(path.tokens[: path.reads[-1] + 1], Entropy(), run.intervention)


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
