"""The model that is interpreted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from istar.questions.runs import Run
from istar.questions.trie import build_trie
from istar.targets.anatomy import Anatomy, dissect
from istar.targets.encoding import encoding_of, first_token
from istar.targets.errors import TargetError
from istar.targets.interventions import Switch
from istar.targets.limits import RowLimit, check_batch, check_first, check_rows, row_limit
from istar.targets.packed_forward import ResidualHook, residual_stream
from istar.targets.pieces import empty_streams, packed_pieces, store
from istar.targets.reading import Completion, Reader, ReadPlan, as_arrays, plan_reads
from istar.targets.standard_runs import ReadSwitch, RunSwitch, replayed_streams
from istar.targets.tokenizer import tokenizer_digest

if TYPE_CHECKING:
    from istar.flops.costs import CostModel

Progress = Callable[[int, int], None]
"""Called with the number of tokens processed so far and in all."""


@dataclass(frozen=True)
class Streams:
    """Residual streams at the read positions of runs.

    Attributes:
        values: before the final norm; reads that stand at one trie node share one entry.
        layer: how many blocks the streams have passed.
        computed_tokens: how many tokens were processed to get them.
    """

    values: Float[Tensor, "reads width"]
    layer: int
    computed_tokens: int
    _plan: ReadPlan = field(repr=False)

    def index(self, row: int, path: int = 0) -> Int[Tensor, " positions"]:
        """Return the entries of `values` that are the reads of one path of one run, in order.

        A tensor, as all numbers are that a method is given: arithmetic on numpy arrays could not be metered.
        """
        return torch.from_numpy(self._plan.reads[row][path])

    def at(self, row: int, path: int = 0) -> Float[Tensor, "positions width"]:
        """Return the residual stream at the reads of one path of one run, in order."""
        return self.values[self.index(row, path).to(self.values.device)]


@dataclass(frozen=True)
class Target:
    """A causal language model with its tokenizer, and what interpretability needs of both.

    Attributes:
        id: hash of weights, configuration and dtype.
        name: what the user called it.
        module: the Hugging Face model, in evaluation mode, its weights not requiring gradients.
        tokenizer: its Hugging Face tokenizer.
        anatomy: its parts.
        path: folder of its files, or None for a model that lives in memory only.
        limit: the longest row that it can be asked, or None if there is no end.
    """

    id: str
    name: str
    module: nn.Module = field(repr=False)
    tokenizer: Any = field(repr=False)
    anatomy: Anatomy = field(repr=False)
    path: Path | None = None
    limit: RowLimit | None = None

    @cached_property
    def tokenizer_digest(self) -> str:
        """What the tokenizer hashes to; see `istar.targets.tokenizer.tokenizer_digest`. The id says nothing of it."""
        return tokenizer_digest(self.tokenizer)

    @property
    def layers(self) -> int:
        """Number of transformer blocks."""
        return len(self.anatomy.blocks)

    @property
    def width(self) -> int:
        """Width of the residual stream."""
        return int(self.anatomy.embedding.weight.shape[1])  # type: ignore[index]

    @property
    def vocabulary(self) -> int:
        """Number of tokens that the unembedding knows."""
        return int(self.anatomy.unembedding.weight.shape[0])  # type: ignore[index]

    @property
    def known_tokens(self) -> int:
        """Number of tokens that the embedding knows."""
        return int(self.anatomy.embedding.weight.shape[0])  # type: ignore[index]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.module.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights."""
        return next(self.module.parameters()).dtype

    @cached_property
    def bos(self) -> int:
        """The token that every sequence starts with; see `istar.targets.encoding.first_token`."""
        return check_first(self, first_token(self.tokenizer))

    @cached_property
    def costs(self) -> CostModel:
        """Analytic FLOPs of this model, exact under the current rulebook; fitted once and kept on disk."""
        from istar.targets.costs import cached_costs

        return cached_costs(self)

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the tokens of a text, without special tokens around it; see `istar.targets.encoding`.

        Characters that the vocabulary lacks become its unknown token, if it has one.

        Raises:
            TokenizerError: the tokens would not read as the text.
        """
        return encoding_of(self.tokenizer).encode(text, unknown=True)

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens as it reads inside a run, special ones included."""
        return encoding_of(self.tokenizer).decode(tokens)

    def run(
        self, runs: Sequence[Run], upto: int | None = None, hooks: Mapping[int, ResidualHook] | None = None
    ) -> Streams:
        """Return the residual stream after `upto` blocks at every read position of the runs.

        Shared prefixes are packed: each unique token of the runs' trie is computed once, and no later block at all.

        Args:
            runs: what is run, each under its own intervention.
            upto: number of blocks to pass, 0 for the embeddings; None for all of them.
            hooks: for some layers (numbers of blocks passed, up to `upto`), a function that is given the residual
                stream of packed tokens there and their positions, and may return another to go on with.

        Raises:
            TargetError: `upto` or a hook's layer is not a layer of this target.
            RowError: a row is too long for it, or holds a token that it does not know.
        """
        check_rows(self, runs)
        trie = build_trie(runs)
        layer = self._layer(upto)
        plan = plan_reads(trie, len(runs))
        hidden = None if hooks else replayed_streams(self, runs, layer)
        if hidden is None:
            hidden = empty_streams(self, plan)
            with RunSwitch(self, runs) as switch:
                for nodes, stream in packed_pieces(self, trie, layer, switch, self._checked(hooks, layer)):
                    store(plan, nodes, stream, hidden)
        return Streams(hidden, layer, trie.unique_tokens, plan)

    @torch.no_grad()
    def read(
        self, runs: Sequence[Run], streams: Streams, lens: Callable[[Tensor], Tensor] | None = None
    ) -> Float[Tensor, " rows"]:
        """Return the value of each run, read off residual streams.

        Args:
            runs: the runs that `streams` was computed for.
            streams: what `run` returned.
            lens: maps residual streams, [reads, width], to what the final norm is applied to; None for no change.
        """
        hidden = streams.values if lens is None else lens(streams.values)
        values = torch.empty(len(runs), dtype=torch.float64)
        with ReadSwitch(self, runs) as switch:
            reader = Reader(runs, streams._plan, self._unembed_under(switch))
            for rows, found in reader.values(range(len(runs)), hidden):
                values[rows] = torch.tensor(found, dtype=torch.float64)
        return values

    def values(self, runs: Sequence[Run], progress: Progress | None = None) -> Float[Tensor, " rows"]:
        """Return the exact value of each run; what brute force computes.

        Args:
            runs: what is run.
            progress: called as tokens are processed.

        Raises:
            RowError: a row is too long for the target, or holds a token that it does not know.
        """
        values = torch.empty(len(runs), dtype=torch.float64)
        for rows, found in self.iter_values(runs, progress):
            values[torch.from_numpy(rows)] = torch.from_numpy(found)
        return values

    @torch.no_grad()
    def iter_values(
        self, runs: Sequence[Run], progress: Progress | None = None
    ) -> Iterator[tuple[Int[np.ndarray, " piece"], Float[np.ndarray, " piece"]]]:
        """Yield rows and their exact values as soon as they are known, so that a caller may keep them.

        Args:
            runs: what is run.
            progress: called as tokens are processed.

        Raises:
            RowError: see `values`.
        """
        check_rows(self, runs)
        trie = build_trie(runs)
        plan = plan_reads(trie, len(runs))
        hidden = empty_streams(self, plan)
        completion = Completion(plan)
        computed = 0
        pending: list[tuple[list[int], list[float]]] = []
        with Switch(self, runs) as switch:
            reader = Reader(runs, plan, self._unembed_under(switch))
            for nodes, stream in packed_pieces(self, trie, self.layers, switch):
                key = switch.key
                complete = completion.rows(store(plan, nodes, stream, hidden))
                pending.extend(reader.values(complete, hidden))
                switch.to(key)
                computed += len(nodes)
                if progress is not None:
                    progress(computed, trie.unique_tokens)
                # Whoever takes a piece must find the target as it is, so pieces wait while it is modified.
                if not key:
                    yield from as_arrays(pending)
                    pending.clear()
        yield from as_arrays(pending)

    def unembed(self, hidden: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch vocabulary"]:
        """Return natural-log next-token probabilities, in float32 at least, from the stream before the final norm."""
        logits: Tensor = self.anatomy.unembedding(self.anatomy.final_norm(hidden))
        return torch.log_softmax(logits if logits.dtype == torch.float64 else logits.float(), dim=-1)

    def forward(
        self, tokens: Int[Tensor, "batch length"], upto: int | None = None
    ) -> Float[Tensor, "batch length width"]:
        """Return the residual stream after `upto` blocks at every position: a plain, differentiable forward.

        Args:
            tokens: whole sequences of equal length, without padding.
            upto: number of blocks to pass; None for all of them. No later block is computed.

        Raises:
            TargetError: `upto` is not a layer of this target.
            RowError: the sequences are too long for it, or hold a token that it does not know.
        """
        check_batch(self, tokens)
        return residual_stream(self.anatomy, self._layer(upto), input_ids=tokens.to(self.device))

    def slow_value(self, run: Run) -> float:
        """Return the value of one run by one whole forward a path: the reference that packed values are held to."""
        return self.slow_values([run])[0]

    @torch.no_grad()
    def slow_values(self, runs: Sequence[Run]) -> list[float]:
        """Return the values of runs, one whole forward a path; see `slow_value`. Each intervention is set up once."""
        check_rows(self, runs)
        keys = ["" if run.intervention is None else run.intervention.key for run in runs]
        paths = [
            ("" if path.plain else keys[row], row, place, path)
            for row, run in enumerate(runs)
            for place, path in enumerate(run.paths)
        ]
        log_probs: list[list[Tensor]] = [[torch.empty(0)] * len(run.paths) for run in runs]
        with Switch(self, runs) as switch:
            for key, row, place, path in sorted(paths, key=lambda each: each[:3]):
                switch.to(key)
                logits = self.module(torch.tensor([path.tokens], device=self.device), use_cache=False).logits[0]
                log_probs[row][place] = torch.log_softmax(logits[list(path.reads)].to(torch.float64), dim=-1).float()
        return [run.value(found) for run, found in zip(runs, log_probs, strict=True)]

    def _layer(self, upto: int | None) -> int:
        layer = self.layers if upto is None else upto
        if not 0 <= layer <= self.layers:
            raise TargetError(f"upto={upto}, but {self.name} has {self.layers} blocks; give 0 to {self.layers} or None")
        return layer

    def _checked(self, hooks: Mapping[int, ResidualHook] | None, layer: int) -> Mapping[int, ResidualHook]:
        wrong = [each for each in hooks or {} if not 0 <= each <= layer]
        if wrong:
            raise TargetError(f"hooks at layers {wrong}, but the run passes layers 0 to {layer} only")
        return hooks or {}

    def _unembed_under(self, switch: Switch) -> Callable[[Tensor, str], Tensor]:
        def unembed(hidden: Tensor, key: str) -> Tensor:
            switch.to(key)
            return self.unembed(hidden)

        return unembed


def wrap(module: nn.Module, tokenizer: Any, name: str, target_id: str, path: Path | None = None) -> Target:
    """Return a target around a loaded Hugging Face model, switched to evaluation and frozen."""
    anatomy = dissect(module)
    module.eval().requires_grad_(False)
    return Target(target_id, name, module, tokenizer, anatomy, path, row_limit(module, anatomy))
