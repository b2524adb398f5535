"""Tuned lens: an affine map from an earlier residual stream to the last one, then the usual read-out.

Source: Belrose et al., "Eliciting Latent Predictions from Transformers with the Tuned Lens" (2023). They train the
map by gradient descent on the KL divergence to the final distribution; here it is the ridge regression of the last
residual stream on the earlier one, in closed form.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.6  # share of the blocks that run
RIDGE = 1e-2  # penalty, as a share of the mean variance of the stream's components


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Fit the map on every position of the corpus but the first of a sequence, whose stream is an outlier."""
    early, late = [], []
    with torch.no_grad():
        for tokens in corpus.tokens:
            sequence = torch.tensor([tokens])
            early.append(target.forward(sequence, upto=layer(target))[0, 1:])
            late.append(target.forward(sequence)[0, 1:])
    x, y = torch.cat(early).double(), torch.cat(late).double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x = x - x_mean
    gram = x.T @ x
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    slope = torch.linalg.solve(gram + penalty, x.T @ (y - y_mean))
    return Interpretation({"slope": slope.float(), "offset": (y_mean - x_mean @ slope).float()})


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Read each run off the mapped residual stream after DEPTH of the blocks."""
    slope, offset = interpretation.tensors["slope"], interpretation.tensors["offset"]
    streams = target.run(runs, upto=layer(target))
    return target.read(runs, streams, lens=lambda stream: stream @ slope + offset).unsqueeze(-1)


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
