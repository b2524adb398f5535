"""Early-exit head: a nonlinear map from an early residual stream to the last one.

Less than half of the blocks run. What the others would do is guessed by a head with one hidden layer, whose weights
are random and whose outputs are fitted in closed form, so that learning it takes one ridge regression: its features are
the components of the stream, each in units of its standard deviation on generic text, and rectified random mixtures
of these. Final norm and unembedding are the target's own.

Source: exits with learned heads, Schwartz et al., "The Right Tool for the Job" (2020), and Elbayad et al.,
"Depth-Adaptive Transformer" (2020); random features in place of a trained layer, Rahimi and Recht, "Weighted Sums of
Random Kitchen Sinks" (2008).
"""

from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.4  # share of the blocks that run
FEATURES = 2  # random features, in units of the stream's width
RIDGE = 1e-2  # penalty, as a share of the mean variance of the features
SEED = 0  # of the random mixtures


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Draw the mixtures, and fit the head on every position of the corpus but the first of a sequence."""
    early, late = [], []
    with torch.no_grad():
        for tokens in corpus.tokens:
            sequence = torch.tensor([tokens])
            early.append(target.forward(sequence, upto=layer(target))[0, 1:])
            late.append(target.forward(sequence)[0, 1:])
    x, y = torch.cat(early), torch.cat(late).double()
    scale = x.std(0).clamp_min(1e-6)
    random = torch.Generator().manual_seed(SEED)
    mixtures = torch.randn(target.width, FEATURES * target.width, generator=random) / target.width**0.5
    tensors = {"mean": x.mean(0), "scale": scale, "mixtures": mixtures}
    seen = features(tensors, x).double()
    seen_mean, y_mean = seen.mean(0), y.mean(0)
    seen = seen - seen_mean
    gram = seen.T @ seen
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    slope = torch.linalg.solve(gram + penalty, seen.T @ (y - y_mean))
    return Interpretation({**tensors, "slope": slope.float(), "offset": (y_mean - seen_mean @ slope).float()})


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: None
) -> Float[Tensor, "runs channels"]:
    """Read each run off what the head makes of the stream after DEPTH of the blocks."""
    streams = target.run(runs, upto=layer(target))
    return target.read(runs, streams, lens=partial(head, interpretation.tensors)).unsqueeze(-1)


def features(tensors: dict[str, Tensor], stream: Float[Tensor, "reads width"]) -> Float[Tensor, "reads features"]:
    """Return the components of a stream in units of their standard deviations, and rectified mixtures of them."""
    normal = (stream - tensors["mean"]) / tensors["scale"]
    return torch.cat([normal, torch.relu(normal @ tensors["mixtures"])], dim=-1)


def head(tensors: dict[str, Tensor], stream: Float[Tensor, "reads width"]) -> Float[Tensor, "reads width"]:
    """Return the guess at the last stream."""
    return features(tensors, stream) @ tensors["slope"] + tensors["offset"]


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
