"""Running query tokens on the key-value cache of a whole context, with gates on what they attend to.

Where rows are one context with parts left out (`istar.methods.tools.alignment`), the context runs once and each
row costs only its last tokens. A gate scales how much the query attends to one token of the context: 1 leaves
attention as it is, 0 removes the token, and gradients flow through what lies between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from istar.methods.tools.alignment import Alignment, Placement
from istar.methods.tools.prefixes import prefix_mask
from istar.methods.tools.windows import whole_cache, windows_cut_out
from istar.questions import Run

if TYPE_CHECKING:
    from istar.targets.target import Target

Tokens = tuple[int, ...]

Node = tuple[int, tuple[int, ...], Tokens]
"""A query token, by all that decides its stream: the context, what is kept of it, and the query so far."""

PACK_TOKENS = 128
"""About how many query tokens run together; they are masked from one another, which is attention wasted."""

READS = 64
"""About how many positions are unembedded together."""


class SharedContexts:
    """The contexts of an alignment; a context's keys and values are computed when it is first attended to.

    Args:
        target: the model.
        alignment: which rows share which context.
    """

    def __init__(self, target: Target, alignment: Alignment) -> None:
        """See the class docstring."""
        self.target = target
        self.alignment = alignment
        self.contexts = alignment.contexts
        self._caches: dict[int, Any] = {}

    def attend(
        self, context: int, gates: Float[Tensor, "subsets context"], queries: Sequence[Sequence[Tokens]]
    ) -> list[list[Float[Tensor, "query width"]]]:
        """Return the residual stream, after the final norm, at every token of queries that follow a gated context.

        Equal beginnings of queries that share gates run once.

        Args:
            context: which context.
            gates: for each subset, a number for each token of the context; the first token's must not be 0.
            queries: for each subset, the queries that follow the context under its gates.
        """
        found: list[list[Float[Tensor, "query width"]]] = []
        first = 0
        while first < len(queries):
            last, size = first, 0
            while last < len(queries) and size < PACK_TOKENS:
                size += len({query[: at + 1] for query in queries[last] for at in range(len(query))})
                last += 1
            found.extend(self._run(context, gates[first:last], queries[first:last]))
            first = last
        return found

    def log_probs(self, streams: Float[Tensor, "reads width"]) -> Float[Tensor, "reads vocabulary"]:
        """Return natural-log next-token probabilities from streams that `attend` returned."""
        return torch.log_softmax(self.target.anatomy.unembedding(streams).float(), dim=-1)

    @torch.no_grad()
    def run(self, runs: Sequence[Run]) -> dict[Node, Float[Tensor, " width"]]:
        """Return the streams, after the final norm, at the reads of runs whose missing parts are gated off."""
        wanted: dict[int, dict[tuple[int, ...], dict[Tokens, Placement]]] = {}
        for run in runs:
            for placement in self.alignment.of(run):
                subsets = wanted.setdefault(placement.context, {})
                subsets.setdefault(placement.kept, {})[placement.query] = placement
        streams: dict[Node, Float[Tensor, " width"]] = {}
        for context, subsets in wanted.items():
            gates = torch.zeros(len(subsets), len(self.contexts[context]))
            for row, kept in enumerate(subsets):
                gates[row, list(kept)] = 1.0
            found = self.attend(context, gates, [tuple(queries) for queries in subsets.values()])
            for queries, group in zip(subsets.values(), found, strict=True):
                for placement, stream in zip(queries.values(), group, strict=True):
                    for read, node in zip(placement.reads, _read_nodes(placement), strict=True):
                        streams[node] = stream[read]
        return streams

    @torch.no_grad()
    def read(self, runs: Sequence[Run], streams: dict[Node, Float[Tensor, " width"]]) -> Float[Tensor, " rows"]:
        """Return the values of runs from what `run` returned for them."""
        values: list[float] = []
        nodes = [[_read_nodes(placement) for placement in self.alignment.of(run)] for run in runs]
        while len(values) < len(runs):
            first = last = len(values)
            wanted: dict[Node, int] = {}
            while last < len(runs) and len(wanted) < READS:
                for node in (node for path in nodes[last] for node in path):
                    wanted.setdefault(node, len(wanted))
                last += 1
            log_probs = self.log_probs(torch.stack([streams[node] for node in wanted]))
            for row in range(first, last):
                paths = [log_probs[[wanted[node] for node in path]] for path in nodes[row]]
                values.append(runs[row].readout.value(runs[row].tokens, paths))
        return torch.tensor(values, dtype=torch.float64)

    def _cache(self, context: int) -> Any:
        if context not in self._caches:
            tokens = torch.tensor([self.contexts[context]], device=self.target.device)
            cache = whole_cache()
            with torch.no_grad():
                self.target.anatomy.base(input_ids=tokens, past_key_values=cache, use_cache=True)
            self._caches[context] = cache
        return self._caches[context]

    def _run(
        self, context: int, gates: Float[Tensor, "subsets context"], queries: Sequence[Sequence[Tokens]]
    ) -> list[list[Float[Tensor, "query width"]]]:
        """Run one pack of queries in one sequence, each token seeing its context and its own query's earlier tokens."""
        nodes: dict[tuple[int, Tokens], int] = {}
        for subset, group in enumerate(queries):
            for query in group:
                for at in range(len(query)):
                    nodes.setdefault((subset, query[: at + 1]), len(nodes))
        device, dtype = self.target.device, self.target.dtype
        among = prefix_mask(nodes, dtype).to(device)
        subsets = torch.tensor([subset for subset, _ in nodes], device=device)
        mask = torch.cat([gates.to(device, dtype).log()[subsets], among], dim=1)[None, None]
        length = len(self.contexts[context])
        cache = self._cache(context)
        places = torch.tensor([[length + len(prefix) - 1 for _, prefix in nodes]], device=device)
        seen = torch.cat([torch.arange(length, device=device)[None], places], dim=1)
        with windows_cut_out(self.target, mask, places, seen):
            streams = self.target.anatomy.base(
                input_ids=torch.tensor([[prefix[-1] for _, prefix in nodes]], device=device),
                position_ids=places,
                attention_mask=mask,
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state[0]
        cache.crop(-len(nodes))
        return [
            [streams[[nodes[subset, query[: at + 1]] for at in range(len(query))]] for query in group]
            for subset, group in enumerate(queries)
        ]


def _read_nodes(placement: Placement) -> list[Node]:
    return [(placement.context, placement.kept, placement.query[: read + 1]) for read in placement.reads]
