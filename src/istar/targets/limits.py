"""What a target can be asked at all: how long a row may be, and which tokens it knows.

Most models run a row of any length. Two kinds do not. A model that learned its positions has none beyond its table.
And some components look at the whole of what is run at once: RoPE of type `dynamic` and `longrope` takes other
frequencies for every token of a forward pass as soon as one position in it is beyond what the model was first trained
for, and `dynamic` keeps them for later passes. Up to there such a model is like any other; beyond, what a row gives
depends on the rows beside it and on those before. So there its rows end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from istar.questions.runs import Run
from istar.targets.anatomy import Anatomy
from istar.targets.errors import RowError, TargetError
from istar.targets.packed_forward import residual_stream

if TYPE_CHECKING:
    from istar.targets.target import Target


@dataclass(frozen=True)
class RowLimit:
    """The longest row that a model can be asked.

    Attributes:
        tokens: so many tokens of it may enter the model.
        reason: why no more, to follow "because".
    """

    tokens: int
    reason: str


def row_limit(module: nn.Module, anatomy: Anatomy) -> RowLimit | None:
    """Return the longest row of a model, or None if there is no end."""
    config: Any = module.config
    limits = [*_configured(config.get_text_config(decoder=True)), *_learned(module, anatomy)]
    return min(limits, key=lambda limit: limit.tokens, default=None)


def _configured(config: Any) -> Iterator[RowLimit]:
    for rope in _ropes(getattr(config, "rope_parameters", None)):
        kind = str(rope.get("rope_type", "default"))
        reason = f"beyond, its positions (RoPE of type {kind!r}) change with the longest row that is run beside it"
        if kind == "longrope":
            yield RowLimit(int(rope["original_max_position_embeddings"]), reason)
        elif "dynamic" in kind:
            yield RowLimit(int(config.max_position_embeddings), reason)
    chunk = getattr(config, "attention_chunk_size", None)
    if chunk is not None:
        yield RowLimit(int(chunk), "beyond, it attends within chunks of its own, which packed runs do not know")


def _ropes(parameters: Any) -> Iterator[dict[str, Any]]:
    """Yield the parameters of each RoPE: of the model, or of each type of layer."""
    if isinstance(parameters, dict):
        if "rope_type" in parameters:
            yield parameters
        else:
            for each in parameters.values():
                yield from _ropes(each)


@torch.no_grad()
def _learned(module: nn.Module, anatomy: Anatomy) -> Iterator[RowLimit]:
    """Yield the lengths of the tables that are looked up by position, found by watching what is looked up."""
    device = next(module.parameters()).device
    with _LookUps() as seen:
        residual_stream(anatomy, 0, input_ids=torch.zeros(1, 2, dtype=torch.int64, device=device))
    for rows, places in seen.tables:
        # Two equal tokens stand at positions 0 and 1; some tables (OPT's) begin with rows that are no positions.
        if len(places) == 2 and places[1] == places[0] + 1:
            yield RowLimit(rows - places[0], "it learned that many positions")


class _LookUps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes which rows of which embeddings are looked up."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tables: list[tuple[int, list[int]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.embedding.default:
            self.tables.append((int(args[0].shape[0]), args[1].reshape(-1).tolist()))
        return func(*args, **(kwargs or {}))


def check_rows(target: Target, runs: Sequence[Run]) -> None:
    """Check that a target can run some rows and read what they ask for.

    Raises:
        RowError: a row is too long for it, or holds a token that it does not know.
    """
    for row, run in enumerate(runs):
        what = f"row {row}"
        for path in run.paths:
            check_tokens(target, path.tokens, what)
        check_known(target, run.readout.scored(run.tokens), what)


def check_tokens(target: Target, tokens: Sequence[int], what: str) -> None:
    """Check that a target can run a sequence of tokens.

    Args:
        target: the model.
        tokens: the sequence.
        what: how an error calls it.

    Raises:
        RowError: it is too long, or holds a token that the model does not know.
    """
    check_length(target, len(tokens), what)
    _check_known(target, tokens, target.known_tokens, "embedding", what)


def check_known(target: Target, tokens: Sequence[int], what: str) -> None:
    """Check that a target gives probabilities for some tokens.

    Raises:
        RowError: its unembedding lacks one.
    """
    _check_known(target, tokens, target.vocabulary, "unembedding", what)


def check_batch(target: Target, tokens: Int[Tensor, "batch length"]) -> None:
    """Check that a target can run sequences of equal length; see `check_tokens`."""
    check_length(target, tokens.shape[-1], "a sequence")
    array = tokens.cpu().numpy()  # no arithmetic of the model: nothing of it is metered
    if array.size and not 0 <= array.min() <= array.max() < target.known_tokens:
        for row, sequence in enumerate(array.reshape(-1, array.shape[-1]).tolist()):
            _check_known(target, sequence, target.known_tokens, "embedding", f"sequence {row}")


def check_length(target: Target, length: int, what: str) -> None:
    """Check that a sequence is not too long for a target.

    Raises:
        RowError: it is.
    """
    limit = target.limit
    if limit is not None and length > limit.tokens:
        raise RowError(
            f"{what} has {length} tokens, but {target.name} takes {limit.tokens} at most, because {limit.reason}; use "
            "shorter ones, or another target"
        )


def check_first(target: Target, token: int) -> int:
    """Return the token that every row starts with, if a target knows it.

    Raises:
        TargetError: it does not.
    """
    if not 0 <= token < target.known_tokens:
        raise TargetError(
            f"every row starts with the token {token} of the tokenizer, but the embedding of {target.name} ends at "
            f"token {target.known_tokens - 1}; the tokenizer is not this model's"
        )
    return token


def _check_known(target: Target, tokens: Sequence[int], known: int, part: str, what: str) -> None:
    if tokens and not 0 <= min(tokens) <= max(tokens) < known:
        place, token = next((place, token) for place, token in enumerate(tokens) if not 0 <= token < known)
        raise RowError(
            f"{what} holds the token {token} (at place {place} of {len(tokens)}), but the {part} of {target.name} ends "
            f"at token {known - 1}; the tokenizer that wrote it is not this model's"
        )
