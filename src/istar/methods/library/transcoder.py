"""Transcoder: a few sparse features of the residual stream stand for all that the upper blocks add to it.

A dictionary of features is learned on generic text from which the difference between the last stream and an earlier
one can be decoded, ACTIVE features a position. A run passes the lower blocks; the features of its stream there are
decoded, and their sum with the stream is read as if it were the last one.

Source: Dunefsky, Chlenski and Nanda, "Transcoders Find Interpretable LLM Feature Circuits" (2024), who stand in for
one feed-forward module; sparsity by count, Gao et al., "Scaling and Evaluating Sparse Autoencoders" (2024).
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


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn the dictionary on every position of the corpus but the first of a sequence, whose stream is an outlier."""
    early, late = [], []
    with torch.no_grad():
        for tokens in corpus.tokens:
            sequence = torch.tensor([tokens])
            early.append(target.forward(sequence, upto=layer(target))[0, 1:])
            late.append(target.forward(sequence)[0, 1:])
    stream = torch.cat(early)
    code = fit_sparse_code(stream, torch.cat(late) - stream, FEATURES * target.width, ACTIVE, STEPS)
    return Interpretation(code.tensors)


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Read each run off the stream after DEPTH of the blocks and what its features say is still to come."""
    code = SparseCode.of(interpretation.tensors)
    streams = target.run(runs, upto=layer(target))

    def completed(stream: Tensor) -> Tensor:
        return stream + code.decode(code.encode(stream, ACTIVE))

    return target.read(runs, streams, lens=completed).unsqueeze(-1)


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
