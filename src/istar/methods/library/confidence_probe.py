"""Confidence probe: linear guesses, half-way up, at how sure of the next token the target is going to be.

On generic text, ridge regressions learn from the residual stream at a position what the target's last layer says
there: the log-probability of the token that does come next, the entropy of the distribution, and the gap between the
two largest probabilities. A run's first three channels are these guesses, averaged over the positions where its first
path is read. They are the same for every question, and do not look at which token is asked about.

Where all runs score tokens, a fourth channel does: another regression has the logit that a logit lens gives the token
as one more input, so that it learns both how far such logits can be trusted and what to expect of them in this
stream. `score_asked` says how its guesses at log-probabilities are put together for spans. It costs one row of the
unembedding a token, never the whole vocabulary.

Source: Kadavath et al., "Language Models (Mostly) Know What They Know" (2022); Azaria and Mitchell, "The Internal
State of an LLM Knows When It's Lying" (2023), who train such probes on answers known to be right or wrong, where the
targets here are the model's own certainty on generic text.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from istar.methods import Interpretation, asked_tokens, score_asked
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

DEPTH = 0.5  # share of the blocks that run
RIDGE = 1e-2  # penalty, as a share of the mean variance of the stream's components


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Fit the probes on the corpus, without first positions, whose streams are outliers, and the last."""
    inputs, own, found = [], [], []
    with torch.no_grad():
        for tokens in corpus.tokens:
            sequence, following = torch.tensor([tokens]), torch.tensor(tokens[2:])
            stream = target.forward(sequence, upto=layer(target))[0, 1:-1]
            log_probs = target.unembed(target.forward(sequence)[0, 1:-1])
            largest = log_probs.exp().topk(2, dim=1).values
            scored = log_probs.gather(1, following.unsqueeze(1)).squeeze(1)
            entropy = -(log_probs.exp() * log_probs).sum(1)
            inputs.append(stream)
            own.append(token_logits(stream, following, target))
            found.append(torch.stack([scored, entropy, largest[:, 0] - largest[:, 1]], dim=1))
    streams, answers = torch.cat(inputs), torch.cat(found)
    slope, offset = ridge(streams, answers)
    asked = ridge(torch.cat([streams, torch.cat(own).unsqueeze(1)], dim=1), answers[:, :1])
    return Interpretation({"slope": slope, "offset": offset, "asked_slope": asked[0], "asked_offset": asked[1]})


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> bool:
    """Find out whether all runs score tokens."""
    return all(asked_tokens(run) for run in question.runs)


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: bool
) -> Float[Tensor, "runs channels"]:
    """Return guesses at log-probability, entropy and gap, and at the log-probability of what is asked about."""
    learned = interpretation.tensors
    streams = target.run(runs, upto=layer(target))
    guesses = streams.values @ learned["slope"] + learned["offset"]
    channels = torch.stack([guesses[streams.index(row).tolist()].mean(0) for row in range(len(runs))])
    if not prepared:
        return channels

    def score(reads: Tensor, places: Tensor, tokens: Tensor) -> Tensor:
        stream = reads[places]
        known = torch.cat([stream, token_logits(stream, tokens, target).unsqueeze(1)], dim=1)
        return known @ learned["asked_slope"] + learned["asked_offset"]

    return torch.cat([channels, score_asked(runs, streams, score)], dim=1)


def token_logits(
    streams: Float[Tensor, "tokens width"], tokens: Int[Tensor, " tokens"], target: Target
) -> Float[Tensor, " tokens"]:
    """Return the logit lens's logit of one token for each stream."""
    weight: Any = target.anatomy.unembedding.weight
    logits: Tensor = (target.anatomy.final_norm(streams) * weight[tokens]).sum(1)
    return logits


def ridge(
    inputs: Float[Tensor, "positions inputs"], outputs: Float[Tensor, "positions outputs"]
) -> tuple[Float[Tensor, "inputs outputs"], Float[Tensor, " outputs"]]:
    """Return slope and offset of a ridge regression."""
    x, y = inputs.double(), outputs.double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x = x - x_mean
    gram = x.T @ x
    penalty = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    slope = torch.linalg.solve(gram + penalty, x.T @ (y - y_mean))
    return slope.float(), (y_mean - x_mean @ slope).float()


def layer(target: Target) -> int:
    """Return the number of blocks that run."""
    return round(DEPTH * target.layers)
