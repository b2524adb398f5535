"""Sparse autoencoder: how active the features of a mid-depth residual stream are in a run.

A dictionary of features is learned on generic text from which the stream can be reconstructed, ACTIVE features a
position. The channels are the features that vary most from position to position of generic text, averaged over the
reads of a run's first path. They estimate no value: whether what the model represents halfway says something of what
it puts out is for the executor to find out.

Source: Cunningham et al., "Sparse Autoencoders Find Highly Interpretable Features in Language Models" (2023); sparsity
by count, Gao et al., "Scaling and Evaluating Sparse Autoencoders" (2024).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, SparseCode, fit_sparse_code
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.5  # share of the blocks that run
FEATURES = 2  # size of the dictionary, in units of the stream's width
ACTIVE = 32  # features of a position that are not zero
STEPS = 300  # of Adam
CHANNELS = 32  # features that are reported


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn the dictionary on every position of the corpus but the first of a sequence; find what varies most."""
    with torch.no_grad():
        streams = [target.forward(torch.tensor([tokens]), upto=layer(target))[0, 1:] for tokens in corpus.tokens]
    stream = torch.cat(streams)
    code = fit_sparse_code(stream, stream, FEATURES * target.width, ACTIVE, STEPS)
    reported = code.encode(stream, ACTIVE).var(0).topk(CHANNELS).indices
    return Interpretation({**code.tensors, "reported": reported})


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Average the reported features over each run's reads."""
    streams = target.run(runs, upto=layer(target))
    features = SparseCode.of(interpretation.tensors).encode(streams.values, ACTIVE)
    reported = features.index_select(1, interpretation.tensors["reported"])
    return torch.stack([reported[torch.as_tensor(streams.index(row))].mean(0) for row in range(len(runs))])


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
