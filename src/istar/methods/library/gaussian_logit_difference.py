"""Gaussian logit difference: how far an answer's logit is from the largest other one, and how surely it is the largest.

The forward stops at DEPTH of the blocks and a ridge lens reads the logits. What the lens gets wrong about the
difference between a token's logit and the largest other logit is taken to be Gaussian. Its mean and scale are learned
on the corpus's own next tokens, in CLASSES classes by how likely the lens finds the token, since differences of
likely and of unlikely tokens are not equally well read. So the token is the arg max with probability
Phi((difference + mean) / scale), and the logarithm of that is finite where no number of samples would hit the token.

The channels are the difference and that log-probability, added up over the scored tokens (`score_asked` says how spans
are compared). Runs that score no token have no channel. What a question does to the logits themselves (a bias, a
temperature) is not seen.

Source: Wu and Hilton, "Estimating the Probabilities of Rare Outputs in Language Models" (2024), who fit the Gaussian
over inputs where it is fitted over the lens's error here.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from istar.methods import Interpretation, asked_tokens, score_asked
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.6  # share of the blocks that run
RIDGE = 1e-2  # penalty, as a share of the mean variance of the stream's components
CLASSES = 4  # of equally many tokens of the corpus


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Fit the map to the last stream, then the Gaussian of what it gets wrong about next tokens."""
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
        tensors = {"slope": slope.float(), "offset": (y_mean - x_mean @ slope).float()}
        errors, likely = [], []
        for tokens, before, after in zip(corpus.tokens, early, late, strict=True):
            following = torch.tensor(tokens[2:])
            guess, log_probs = difference(logits(before[:-1] @ tensors["slope"] + tensors["offset"], target), following)
            errors.append(difference(logits(after[:-1], target), following)[0] - guess)
            likely.append(log_probs)
    error, likelihood = torch.cat(errors), torch.cat(likely)
    bounds = likelihood.quantile(torch.arange(1, CLASSES) / CLASSES)
    groups = [error[torch.bucketize(likelihood, bounds) == group] for group in range(CLASSES)]
    tensors["bounds"] = bounds
    tensors["mean"] = torch.stack([group.mean() for group in groups])
    tensors["scale"] = torch.stack([group.std().clamp_min(1e-6) for group in groups])
    return Interpretation(tensors)


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> bool:
    """Find out whether all runs score tokens."""
    return all(asked_tokens(run) for run in question.runs)


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: bool
) -> Float[Tensor, "runs channels"]:
    """Return the lens's logit difference and the log-probability that it is above 0 in the target."""
    if not prepared:
        return torch.empty(len(runs), 0)
    learned = interpretation.tensors

    def score(streams: Tensor, places: Tensor, tokens: Tensor) -> Tensor:
        read = logits(streams @ learned["slope"] + learned["offset"], target)
        found, log_probs = difference(read[places], tokens)
        group = torch.bucketize(log_probs, learned["bounds"])
        certainty = torch.special.log_ndtr((found + learned["mean"][group]) / learned["scale"][group])
        return torch.stack([found, certainty], dim=1)

    with torch.no_grad():
        return score_asked(runs, target.run(runs, upto=layer(target)), score)


def logits(streams: Float[Tensor, "reads width"], target: Target) -> Float[Tensor, "reads vocabulary"]:
    """Read logits off last streams."""
    read: Tensor = target.anatomy.unembedding(target.anatomy.final_norm(streams))
    return read


def difference(
    read: Float[Tensor, "tokens vocabulary"], tokens: Int[Tensor, " tokens"]
) -> tuple[Float[Tensor, " tokens"], Float[Tensor, " tokens"]]:
    """Return each token's logit minus the largest other one, and its log-probability."""
    own = read.gather(1, tokens.unsqueeze(1)).squeeze(1)
    largest, second = read.topk(2, dim=1).values.unbind(1)
    return own - torch.where(own < largest, largest, second), own - read.logsumexp(1)


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
