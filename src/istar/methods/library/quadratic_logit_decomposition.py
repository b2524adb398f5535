"""Quadratic logit decomposition: the chance that an answer is sampled, averaged over one direction of a lens's error.

The forward stops at DEPTH of the blocks, and a ridge regression between streams after the final norm predicts the last
one, y = m + e, with a Gaussian error e of covariance C that is learned on the corpus. Logits are linear in y, so the
answer's logit errs by z = w e, with w its row of the unembedding and variance s^2 = w C w. In coordinates that whiten
e, z is the part of the error along one direction, and all the rest is independent of it. Given z, the logits move
by U C w z / s^2 on average, with U the unembedding. The rest stays at its mean, 0; along z the answer's softmax
probability is averaged by Gauss-Hermite quadrature. This average can be far above the probability at the mean, where
an unlikely answer becomes likely only if the lens is wrong.

The channel is the logarithm of the averaged probability, added up over the scored tokens (`score_asked` says how spans
are compared). Runs that score no token have no channel. What a question does to the logits themselves (a bias, a
temperature) is not seen.

Source: Wu and Hilton, "Estimating the Probabilities of Rare Outputs in Language Models" (2024). They decompose the
distribution over inputs, recombine samples of both parts and ask for the arg max; here it is the lens's error, one
part is integrated and the other held at its mean, and the answer is sampled.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, asked_tokens, score_asked
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.6  # share of the blocks that run
RIDGE = 1e-2  # penalty, as a share of the mean variance of the stream's components
RANK = 256  # directions of the error that are kept, those of the largest variance
NODES = (-3.7504397177257425, -2.3667594107345415, -1.1544053947399682, 0.0)  # of quadrature; the others mirror them
WEIGHTS = (5.4826885597221875e-4, 3.0757123967586491e-2, 0.24012317860501272, 0.45714285714285713)  # sum to 1, mirrored


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Fit the map between normalised streams, and factor the covariance of its error."""
    early, late = [], []
    norm = target.anatomy.final_norm
    with torch.no_grad():
        for tokens in corpus.tokens:
            sequence = torch.tensor([tokens])
            early.append(norm(target.forward(sequence, upto=layer(target))[0, 1:]))
            late.append(norm(target.forward(sequence)[0, 1:]))
    x, y = torch.cat(early).double(), torch.cat(late).double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    gram = x.T @ x
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    slope = torch.linalg.solve(gram + penalty, x.T @ y)
    error = y - x @ slope
    energy, basis = torch.linalg.eigh(error.T @ error / len(error))
    factors = basis[:, -RANK:] * energy[-RANK:].clamp_min(0.0).sqrt()
    tensors = {"slope": slope, "offset": y_mean - x_mean @ slope, "factors": factors}
    return Interpretation({name: tensor.float() for name, tensor in tensors.items()})


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> bool:
    """Find out whether all runs score tokens."""
    return all(asked_tokens(run) for run in question.runs)


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: bool
) -> Float[Tensor, "runs channels"]:
    """Return the log-probability that each run's answer is sampled."""
    if not prepared:
        return torch.empty(len(runs), 0)
    slope, offset, factors = (interpretation.tensors[name] for name in ("slope", "offset", "factors"))
    rows = target.anatomy.unembedding.state_dict()["weight"]

    def score(streams: Tensor, places: Tensor, tokens: Tensor) -> Tensor:
        means = target.anatomy.unembedding(target.anatomy.final_norm(streams) @ slope + offset)
        answers, which = torch.unique(tokens, return_inverse=True)
        along = rows[answers] @ factors
        scale = (along * along).sum(1, keepdim=True).sqrt().clamp_min(1e-12)
        tilts = (along / scale) @ factors.T @ rows.T  # how logits move as z moves by one standard deviation
        return sampled(means[places], tilts[which], tokens).unsqueeze(1)

    with torch.no_grad():
        return score_asked(runs, target.run(runs, upto=layer(target)), score)


def sampled(
    means: Float[Tensor, "tokens vocabulary"], tilts: Float[Tensor, "tokens vocabulary"], tokens: Tensor
) -> Float[Tensor, " tokens"]:
    """Return the log of each token's probability, averaged over logits that a standard normal number tilts."""
    nodes = [*zip(NODES, WEIGHTS, strict=True)]
    nodes += [(-node, weight) for node, weight in nodes[:-1]]
    found = []
    for node, weight in nodes:
        there = means + node * tilts
        own = there.gather(1, tokens.unsqueeze(1)).squeeze(1)
        found.append(own - there.logsumexp(1) + torch.log(torch.tensor(weight)))
    return torch.stack(found).logsumexp(0)


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
