"""Activation difference: how far a modified model's stream is from the plain one's on what sets a row apart.

Where rows run on a model with changed weights, a fine-tune or an organism, what the change reacts to is wanted, and
the plain model is at hand. A row's own tokens are those that the rows of few arms hold: the candidate that it tries.
They are run alone, after the first token of all sequences, on the plain model up to the first block that was changed
and BLOCKS further, and from there once more through the changed blocks. The channels are the distance of the two
streams at the last of the tokens and at the most different one, relative to the length of the plain stream. A
candidate costs a pass over its few tokens, however many contexts it is tried in.

Nothing is learned. Questions without changed weights, or with many different models, have no channel, and neither
have those whose arms have no tokens of their own.

Source: Minder et al., "Narrow Finetuning Leaves Clearly Readable Traces in Activation Differences" (2025), who read
such differences on the first few tokens of unrelated text; spectral signatures, Tran et al. (2018), for looking at
what a backdoored model makes of its inputs.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods import Interpretation, under, without_blocks
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target

BLOCKS = 2  # that run on both models, from the first changed one on
RARE = 0.05  # share of the arms that may hold a token that sets a row apart
MODELS = 4  # different modified models, at most

Span = tuple[int, ...]


@dataclass
class Differences:
    """The tokens that few arms hold; the first changed block of each model; by model and span, the channels so far."""

    rare: frozenset[int]
    first: dict[str, int]
    known: dict[tuple[str, Span], Tensor] = field(default_factory=dict)


def interpret(target: Target, corpus: Corpus) -> Interpretation:
    """Learn nothing."""
    return Interpretation()


def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> Differences | None:
    """Find the tokens that few arms hold; None without any, and on the plain target or many models alone."""
    models = {run.intervention.key: run for run in question.runs if run.intervention is not None}
    if not 0 < len(models) <= MODELS:
        return None
    columns = question.structure.of("arm")
    arms: dict[tuple[float, ...], set[int]] = {}
    for row, run in enumerate(question.runs):
        arms.setdefault(tuple(column.values[row] for column in columns), set()).update(run.tokens)
    held = Counter(token for tokens in arms.values() for token in tokens)
    few = max(1.0, RARE * len(arms))
    rare = frozenset(token for token, count in held.items() if count <= few)
    if not rare or len(arms) < 2:
        return None
    plain = weights(target)
    first = {}
    for model, run in models.items():
        with under(target, run):
            changed = [
                block for block, (one, other) in enumerate(zip(plain, weights(target), strict=True)) if one != other
            ]
        if not changed:
            return None
        first[model] = changed[0]
    return Differences(rare, first)


def predict(
    question: QuestionView,
    runs: Sequence[Run],
    target: Target,
    interpretation: Interpretation,
    prepared: Differences | None,
) -> Float[Tensor, "runs channels"]:
    """Return the distances for each run's own tokens; 0 for a run without any, or on the plain target."""
    if prepared is None:
        return torch.empty(len(runs), 0)
    channels = torch.zeros(len(runs), 2)
    wanted: dict[str, dict[Span, Run]] = {}
    for run in runs:
        span = own(run, prepared)
        if run.intervention is not None and span and (run.intervention.key, span) not in prepared.known:
            wanted.setdefault(run.intervention.key, {})[span] = run
    for model, spans in wanted.items():
        for length in sorted({len(span) for span in spans}):
            alike = {span: run for span, run in spans.items() if len(span) == length}
            found = distances(list(alike), next(iter(alike.values())), prepared.first[model], target)
            prepared.known.update({(model, span): each for span, each in zip(alike, found, strict=True)})
    for row, run in enumerate(runs):
        span = own(run, prepared)
        if run.intervention is not None and span:
            channels[row] = prepared.known[run.intervention.key, span]
    return channels


def own(run: Run, prepared: Differences) -> Span:
    """Return the tokens of a run that few arms hold."""
    return tuple(token for token in run.tokens if token in prepared.rare)


def distances(spans: Sequence[Span], run: Run, first: int, target: Target) -> Float[Tensor, "spans 2"]:
    """Return how far the streams of spans of one length move when the target is modified as for a run."""
    tokens = torch.tensor([[run.tokens[0], *span] for span in spans])
    last = min(first + BLOCKS, target.layers)
    seen: list[Tensor] = []

    def enter(block: object, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, Any] | None:
        stream = arguments[0] if arguments else keywords["hidden_states"]
        if not seen:
            seen.append(stream)
            return None
        return ((seen[0], *arguments[1:]), keywords) if arguments else ((), {**keywords, "hidden_states": seen[0]})

    with torch.no_grad(), target.anatomy.blocks[first].register_forward_pre_hook(enter, with_kwargs=True):
        plain = target.forward(tokens, upto=last)[:, 1:]
        with under(target, run), without_blocks(target, range(first)):
            moved = target.forward(tokens, upto=last)[:, 1:]
    relative = (moved - plain).norm(dim=-1) / plain.norm(dim=-1)
    return torch.stack([relative[:, -1], relative.amax(1)], dim=1)


def weights(target: Target) -> list[tuple[float, ...]]:
    """Return the lengths of all weights of each block, by which a changed one is told."""
    with torch.no_grad():
        return [tuple(float(weight.norm()) for weight in block.parameters()) for block in target.anatomy.blocks]
