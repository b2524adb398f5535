"""Standard runs: residual streams that many methods ask for, computed once and handed out again.

Whoever searches or scores runs hundreds of methods on the same batches of the same questions, and many of them begin
with `Target.run` on the batch. What that returns does not depend on the method. So it may be computed once, after
every block, by code of ours, and handed out afterwards: the same numbers to the last bit, for the same FLOPs, in a
fraction of the seconds. Only runs of the target as it is are handed out; a hook, a skipped block or another weight
makes it a run of the method's own.

So with fine-tunes: `Target.run` sets each up, and `Target.read` would set it up again for the final norm and the
unembedding, which it leaves alone. Reading is charged for that, to the last FLOP, and does not do it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from istar.flops.meter import Meter
from istar.questions.interventions import FineTune, Intervention
from istar.questions.runs import Run
from istar.questions.trie import build_trie
from istar.targets.interventions import Switch
from istar.targets.pieces import empty_streams, packed_pieces, reads_among, store
from istar.targets.reading import plan_reads

if TYPE_CHECKING:
    from istar.targets.target import Target

Fingerprint = tuple[object, ...]


@dataclass(frozen=True)
class StreamBill:
    """What computing something costs, as a meter counts it.

    Attributes:
        by_op: FLOPs by operation.
        matmul_flops: the part that is matrix products and attention.
    """

    by_op: Mapping[str, int]
    matmul_flops: int

    @property
    def flops(self) -> int:
        """The sum."""
        return sum(self.by_op.values())


@dataclass(frozen=True)
class StandardRun:
    """The streams of some runs at their reads after every block.

    Attributes:
        values: after no block, one block, ..., all of them; float32, which holds bfloat16 too, or float64.
        bills: what `Target.run` costs that ends there.
    """

    values: Float[np.ndarray, "layers reads width"]
    bills: tuple[StreamBill, ...]


@dataclass(frozen=True)
class Replayed:
    """What is handed out for one call of `Target.run`.

    Attributes:
        values: the streams at the reads.
        bill: what is charged for them.
    """

    values: Float[np.ndarray, "reads width"]
    bill: StreamBill


class StreamSource(Protocol):
    """Whoever has standard runs."""

    def find(self, runs: Sequence[Run], layer: int, left: float) -> Replayed | None:
        """Return the streams of runs after so many blocks, or None if they are not at hand or cost more than is left.

        Args:
            runs: what is run.
            layer: number of blocks passed.
            left: FLOPs that whoever asks can still be charged.
        """


@dataclass(frozen=True)
class _Replaying:
    source: StreamSource
    meter: Meter
    untouched: Fingerprint
    setups: dict[str, StreamBill] = field(default_factory=dict)


_ACTIVE: ContextVar[_Replaying | None] = ContextVar("istar_standard_runs", default=None)


@contextmanager
def replaying(target: Target, source: StreamSource | None, meter: Meter) -> Iterator[None]:
    """Let `Target.run` take from a source what it has, and charge a meter for it, inside the `with` statement.

    Args:
        target: the model, as it is.
        source: what has standard runs; None for nobody.
        meter: is charged as if what is taken had been computed.
    """
    active = None if source is None else _Replaying(source, meter, _fingerprint(target.module))
    token = _ACTIVE.set(active)
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def replayed_streams(target: Target, runs: Sequence[Run], layer: int) -> Float[Tensor, "reads width"] | None:
    """Return streams from the source in force, charged for; None if they have to be computed.

    Args:
        target: the model.
        runs: what is run.
        layer: number of blocks to pass.

    Raises:
        BudgetExceededError: they cost more than is left.
    """
    active = _ACTIVE.get()
    if active is None or _fingerprint(target.module) != active.untouched:
        return None
    # what cannot be paid for is computed, so that it is cut off, and billed, where it would have been anyway
    found = active.source.find(runs, layer, active.meter.left)
    if found is None:
        return None
    active.meter.charge(found.bill.by_op, found.bill.matmul_flops)
    return torch.from_numpy(found.values.copy()).to(target.device, target.dtype)


class RunSwitch(Switch):
    """Notes what each fine-tune of the target as it is costs to set up.

    Args:
        target: the model.
        runs: whose interventions may be asked for.
    """

    def __init__(self, target: Target, runs: Iterable[Run]) -> None:
        """See the class docstring."""
        super().__init__(target, runs)
        active = _ACTIVE.get()
        dear = active is not None and any(isinstance(each, FineTune) for each in self._interventions.values())
        as_it_is = dear and active is not None and _fingerprint(target.module) == active.untouched
        self._active = active if as_it_is else None

    def _apply(self, intervention: Intervention) -> None:
        if self._active is None or not isinstance(intervention, FineTune):
            super()._apply(intervention)
            return
        before = _Count.of(self._active.meter)
        super()._apply(intervention)
        bill = (_Count.of(self._active.meter) - before).bill()
        if bill.flops and not self._active.meter.unknown:
            self._active.setups[intervention.key] = bill


class ReadSwitch(RunSwitch):
    """For the final norm and the unembedding alone, which no fine-tune changes: the second time it is only charged."""

    def _apply(self, intervention: Intervention) -> None:
        active = self._active
        bill = None if active is None else active.setups.get(intervention.key)
        if active is None or bill is None or bill.flops > active.meter.left:
            super()._apply(intervention)
        else:
            active.meter.charge(bill.by_op, bill.matmul_flops)


def standard_run(target: Target, runs: Sequence[Run]) -> StandardRun:
    """Compute the streams of runs after every block, and what `Target.run` up to there costs.

    Args:
        target: the model, as it is.
        runs: what is run, each under its own intervention.
    """
    layers = range(target.layers + 1)
    trie = build_trie(runs)
    plan = plan_reads(trie, len(runs))
    meter = Meter()
    wide = torch.float64 if target.dtype == torch.float64 else torch.float32
    values = torch.empty(len(layers), len(plan.nodes), target.width, dtype=wide)
    beyond = [_Count() for _ in layers]
    passing: dict[int, tuple[Tensor, _Count]] = {}

    def catch(layer: int, stream: Tensor, _positions: Tensor) -> None:
        passing[layer] = stream, _Count.of(meter)

    hooks = {layer: partial(catch, layer) for layer in layers}
    hidden = empty_streams(target, plan)
    with Switch(target, runs) as switch:
        pieces = packed_pieces(target, trie, target.layers, switch, hooks)
        while True:
            with meter:
                piece = next(pieces, None)
                if piece is None:
                    break
                end = _Count.of(meter)
                store(plan, *piece, hidden)
            found, within = (torch.from_numpy(places) for places in reads_among(plan, piece[0]))
            for layer, (stream, then) in passing.items():
                values[layer, found] = stream[within.to(stream.device)].to("cpu", wide)
                beyond[layer] += end - then
    total = _Count.of(meter)
    return StandardRun(values.numpy(), tuple((total - each).bill() for each in beyond))


class _Count:
    """What a meter has counted, to add and subtract."""

    def __init__(self, by_op: Mapping[str, int] | None = None, matmul_flops: int = 0) -> None:
        self.by_op = Counter(by_op or {})
        self.matmul_flops = matmul_flops

    @classmethod
    def of(cls, meter: Meter) -> _Count:
        """Return what a meter has counted so far."""
        return cls(meter.by_op, meter.matmul_flops)

    def __add__(self, other: _Count) -> _Count:
        return _Count(self.by_op + other.by_op, self.matmul_flops + other.matmul_flops)

    def __sub__(self, other: _Count) -> _Count:
        return _Count(self.by_op - other.by_op, self.matmul_flops - other.matmul_flops)

    def bill(self) -> StreamBill:
        """Return the count as a bill."""
        return StreamBill(dict(self.by_op), self.matmul_flops)


def _fingerprint(module: nn.Module) -> Fingerprint:
    """Return all that can make a module compute something else: its weights' places, hooks, replaced forwards."""
    hooks = [len(each) for each in (torch_module._global_forward_hooks, torch_module._global_forward_pre_hooks)]
    parts = [
        (len(part._forward_hooks), len(part._forward_pre_hooks), part.__dict__.get("forward"))
        for part in module.modules()
    ]
    weights = [weight.data_ptr() for weight in module.parameters()]
    return tuple(hooks), tuple(parts), tuple(weights)
