"""Numbers for the tokens that runs score, one at a time, and for the runs as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from istar.methods.tools.scores import asked_tokens
from istar.questions import Run, SpanLoss

if TYPE_CHECKING:
    from istar.targets.target import Streams

READS = 64
"""About how many positions are scored together; each may need numbers for the whole vocabulary."""

Score = Callable[
    [Float[Tensor, "reads width"], Int[Tensor, " tokens"], Int[Tensor, " tokens"]], Float[Tensor, "tokens channels"]
]
"""From residual streams, and for each token its place among them and its number, to channels."""


def asked_spans(run: Run) -> tuple[tuple[int, ...], ...]:
    """Return the tokens that a run's readout looks at by name: for each path, one for each of its reads.

    A path of which the readout looks at whole distributions alone has none.
    """
    asked = iter(asked_tokens(run))
    return tuple(tuple(islice(asked, len(path.reads))) for path in run.paths)


def score_asked(runs: Sequence[Run], streams: Streams, score: Score) -> Float[Tensor, "runs channels"]:
    """Return channels that are made for every asked token and put together for each run.

    The channels of a span are added up, or averaged if the readout is a mean. Where a run compares a span with others
    (a foil, other choices), its channels are those of its span minus the logsumexp of those of the others, so that
    log-probabilities become log-odds.

    Args:
        runs: each of them asks about tokens.
        streams: their residual streams.
        score: makes the channels of tokens; it is given each read once, a few at a time.
    """
    spans = [asked_spans(run) for run in runs]
    reads = [
        streams.index(row, path)[: len(span)].tolist()
        for row, paths in enumerate(spans)
        for path, span in enumerate(paths)
    ]
    tokens = torch.tensor([token for paths in spans for span in paths for token in span])
    every = torch.tensor([read for each in reads for read in each])
    wanted, places = torch.unique(every, return_inverse=True)
    orders, parts = [], []
    for first in range(0, len(wanted), READS):
        here = ((places >= first) & (places < first + READS)).nonzero().squeeze(1)
        orders.append(here)
        parts.append(score(streams.values[wanted[first : first + READS]], places[here] - first, tokens[here]))
    scored = torch.split(torch.cat(parts)[torch.cat(orders).argsort()], [len(each) for each in reads])
    whole, done = [], 0
    for run, paths in zip(runs, spans, strict=True):
        whole.append(_together(run, [each for each in scored[done : done + len(paths)] if len(each)]))
        done += len(paths)
    return torch.stack(whole)


def _together(run: Run, spans: Sequence[Float[Tensor, "tokens channels"]]) -> Float[Tensor, " channels"]:
    averaged = isinstance(run.readout, SpanLoss) or getattr(run.readout, "mean", False)
    totals = torch.stack([each.mean(0) if averaged else each.sum(0) for each in spans])
    return totals[0] if len(totals) == 1 else totals[0] - totals[1:].logsumexp(0)
