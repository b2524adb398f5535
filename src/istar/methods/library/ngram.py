"""N-gram model: counts of three tokens in a row, a black-box control that never runs the target.

The corpus is counted, half of which the target wrote: how often each token follows the two before it, the one before
it, and at all. The three shares are interpolated, the uniform distribution below them; where a history was never seen,
the shorter one stands alone. Weights are chosen one order after the other, the shortest first, on every fourth
sequence, after which all sequences are counted. Counts are kept in sorted arrays and looked up by bisection, which
costs next to nothing. A method that looks inside the target has to do better than this.

The channel is the run's readout under the model, with the log-probability of the answer in the place of
`GreedyCorrect`. Readouts of whole distributions have none, and an intervention is not seen.

Source: interpolation with held-out weights is Jelinek and Mercer, "Interpolated Estimation of Markov Source Parameters
from Sparse Data" (1980), here with one weight an order.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from istar.methods import Interpretation, asked_spans, asked_tokens, renumbered, smooth_value
from istar.questions import PolicyCost, QuestionView, Run
from istar.targets import Corpus, Target

ORDER = 3  # tokens in a row that are counted
HELD_OUT = 4  # every so many sequences, one chooses the weights
GRID = 20  # weights that are tried: 0, 1 / GRID, ... below 1


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Choose the weights on held-out sequences, then count all."""
    known = tables(grams([tokens for at, tokens in enumerate(corpus.tokens, 1) if at % HELD_OUT]), target.vocabulary)
    held_out = grams(corpus.tokens[HELD_OUT - 1 :: HELD_OUT])
    weights: list[float] = []
    for _ in range(ORDER):
        tried = [[*weights, step / GRID] for step in range(GRID)]
        likelihoods = [log_probs(held_out, known, each, target.vocabulary).sum() for each in tried]
        weights = tried[int(torch.stack(likelihoods).argmax())]
    return Interpretation(tables(grams(corpus.tokens), target.vocabulary), {"weights": weights})


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> bool:
    """Find out whether all runs score tokens and nothing else."""
    return all(asked_tokens(run) and not isinstance(run.readout, PolicyCost) for run in question.runs)


def predict(
    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: bool
) -> Float[Tensor, "runs channels"]:
    """Read each run off the model's log-probabilities of the tokens it asks about."""
    if not prepared:
        return torch.empty(len(runs), 0)
    every = [
        (path.tokens[max(at - 1, 0)], path.tokens[at], token)
        for run in runs
        for path, span in zip(run.paths, asked_spans(run), strict=True)
        for at, token in zip(path.reads, span, strict=True)
    ]
    found = log_probs(torch.tensor(every), interpretation.tensors, interpretation.data["weights"], target.vocabulary)
    values = torch.empty(len(runs), 1)
    done = 0
    for row, run in enumerate(runs):
        numbers = {token: number for number, token in enumerate(sorted(set(asked_tokens(run))))}
        paths = []
        for span in asked_spans(run):
            # only the token that is asked about at a read has its log-probability there
            paths.append(torch.zeros(len(span), len(numbers)))
            paths[-1][range(len(span)), [numbers[token] for token in span]] = found[done : done + len(span)]
            done += len(span)
        values[row] = smooth_value(renumbered(run, numbers), paths)
    return values


def grams(sequences: Sequence[Sequence[int]]) -> Int[Tensor, "grams order"]:
    """Return every token but a sequence's first, after the tokens before it; the first is repeated in front."""
    found: list[tuple[int, ...]] = []
    for tokens in sequences:
        padded = (*[tokens[0]] * (ORDER - 2), *tokens)
        found += [tuple(padded[at : at + ORDER]) for at in range(len(padded) - ORDER + 1)]
    return torch.tensor(found, dtype=torch.int64).reshape(-1, ORDER)


def numbered(tokens: Int[Tensor, "grams length"], vocabulary: int) -> Int[Tensor, " grams"]:
    """Return one number for each row of tokens."""
    numbers = torch.zeros(len(tokens), dtype=torch.int64)
    for column in tokens.unbind(1):
        numbers = numbers * vocabulary + column
    return numbers


def tables(rows: Int[Tensor, "grams order"], vocabulary: int) -> dict[str, Tensor]:
    """Count, for each length, the rows' last tokens and the same without the very last."""
    counts: dict[str, Tensor] = {}
    for length in range(1, ORDER + 1):
        last = rows[:, ORDER - length :]
        for name, part in ((f"grams {length}", last), (f"histories {length}", last[:, :-1])):
            counts[name], counts[f"{name} counted"] = torch.unique(numbered(part, vocabulary), return_counts=True)
    return counts


def log_probs(
    rows: Int[Tensor, "grams order"], counts: dict[str, Tensor], weights: Sequence[float], vocabulary: int
) -> Float[Tensor, " grams"]:
    """Return the log-probability of each row's last token after the others, by as many orders as have a weight."""
    found = torch.full((len(rows),), 1 / vocabulary)
    for length, weight in enumerate(weights, 1):
        last, looked_up = rows[:, ORDER - length :], []
        for name, part in ((f"grams {length}", last), (f"histories {length}", last[:, :-1])):
            numbers = numbered(part, vocabulary)
            places = torch.searchsorted(counts[name], numbers).clamp(max=len(counts[name]) - 1)
            looked_up.append(torch.where(counts[name][places] == numbers, counts[f"{name} counted"][places], 0))
        seen, total = looked_up
        mixed = weight * seen / total.clamp(min=1) + (1 - weight) * found
        found = torch.where(total > 0, mixed, found)
    return found.log()
