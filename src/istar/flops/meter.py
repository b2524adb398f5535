"""The meter: every torch operation inside it is priced by a rulebook and deducted from a budget.

Matrix products, whose shapes are forced, are priced before they run. Whatever else runs is priced by what it computed;
if that exceeds the budget its result is withheld, and nothing runs any more.

It is a dispatch mode, so it sees what autograd and torch's own compositions call, forward and backward. Composite
operations are taken apart first, so that a price is the same with gradients, without them and in inference mode.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy  # noqa: F401  (before torch, which would swallow an interrupt that comes while it imports it)
import torch
from torch import Tensor
from torch._C import DispatchKey
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack

from istar.errors import IstarError
from istar.flops.composites import SHORTCUTS
from istar.flops.histograms import added_up
from istar.flops.rulebook import RULEBOOK, Pricing, Rulebook, unknown_operation

_NOTHING: dict[str, Any] = {}
_SINGLE = torch.float32
OUTSIDE = "outside"
"""The region of operations that no named region encloses."""


class MeterError(IstarError):
    """A meter used in a way it cannot count."""


class BudgetExceededError(IstarError):
    """The next operation exceeds the budget; what it gave is withheld, and nothing runs under this meter any more."""


@dataclass(frozen=True)
class MeterReading:
    """What a meter had counted at one moment.

    Attributes:
        rulebook: the rulebook's version.
        flops: total.
        matmul_flops: the part that went into products: of matrices, with vectors too, convolutions, attention (under v1
            those of them that torch's own flop counter has).
        by_op: FLOPs of each operation, by aten's name without overload; free operations are left out.
        by_region: FLOPs of each named region, without the regions inside it; they add up to `flops`.
        unknown: FLOPs charged for operations that the rulebook does not list.
    """

    rulebook: str
    flops: int
    matmul_flops: int
    by_op: Mapping[str, int]
    by_region: Mapping[str, int]
    unknown: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the reading as JSON values."""
        return {
            "rulebook": self.rulebook,
            "flops": self.flops,
            "matmul_flops": self.matmul_flops,
            "by_op": dict(self.by_op),
            "by_region": dict(self.by_region),
            "unknown": dict(self.unknown),
        }


def meter_reading_from_json(data: Mapping[str, Any]) -> MeterReading:
    """Return the reading that `to_json` described."""
    return MeterReading(
        str(data["rulebook"]),
        int(data["flops"]),
        int(data["matmul_flops"]),
        *({str(key): int(value) for key, value in data[name].items()} for name in ("by_op", "by_region", "unknown")),
    )


class _Entry:
    """What the meter remembers of one operation overload."""

    __slots__ = (
        *("calls", "each", "flops", "known", "name", "of_result", "operation", "price", "product", "run", "shortcut"),
        "special",
    )

    def __init__(self, operation: OpOverload, pricing: Pricing, composite: bool) -> None:
        self.operation = operation  # held, so that no other operation takes its id
        self.name: str = operation.overloadpacket.__name__
        self.run = operation._op  # what calling the overload calls, without a Python frame between
        self.price = pricing.price
        self.of_result = pricing.of_result
        self.each = pricing.each
        self.product = pricing.product
        self.known = pricing.known
        self.special = composite
        self.shortcut: Callable[[tuple[Any, ...], dict[str, Any]], int | None] | None = None
        shortcut = SHORTCUTS.get(operation) if composite else None
        if shortcut is not None:
            self.name, self.shortcut, self.product = shortcut
        self.flops = 0
        self.calls = 0


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the FLOPs of the torch operations that run inside `with meter:`.

    A meter may be entered many times, one after another, and adds up.

    Args:
        rulebook: the prices.
        budget: FLOPs at most, or None for no limit.
        strict: raise on an operation that the rulebook does not list instead of charging the dearest price.
    """

    def __init__(self, rulebook: Rulebook = RULEBOOK, budget: int | None = None, strict: bool = False) -> None:
        """See the class docstring."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.rulebook = rulebook
        self.budget = budget
        self.strict = strict
        self._limit = float("inf") if budget is None else budget
        self._flops = 0
        self._entries: dict[int, _Entry] = {}
        self._regions: list[str] = []
        self._by_region: dict[str, int] = {}
        self._region_start = 0
        self._entered = False
        self._charged: dict[str, int] = {}
        self._charged_matmul = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Torch would wrap every call of `__torch_dispatch__` to hide it from its compiler; that costs as much time
        # as the counting, and nothing compiled runs under a meter.
        return False

    def __enter__(self) -> Meter:
        """Start counting."""
        if self._entered:
            raise MeterError("this meter is running already; inside itself it would count every operation twice")
        self._entered = True
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        """Stop counting."""
        self._entered = False
        super().__exit__(*exception)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Price one operation, deduct the price, run it."""
        # Thousands of operations pass here per forward, each for a microsecond or so: straight code, no helper calls.
        entry = self._entries.get(id(func))
        if entry is None:
            entry = self._learn(func)
        entry.calls += 1
        if entry.special:
            return self._run_composite(entry, args, kwargs or {})
        if entry.price is not None:
            price = entry.price(args, kwargs or _NOTHING)
            flops = self._flops + price
            if flops > self._limit:
                raise self._exceeded(func, price)
            self._flops = flops
            entry.flops += price
            return entry.run(*args, **kwargs) if kwargs else entry.run(*args)
        if self._flops > self._limit:
            raise self._exceeded(func, 0)
        result = entry.run(*args, **kwargs) if kwargs else entry.run(*args)
        if entry.of_result is not None:
            if entry.each and not kwargs and type(result) is Tensor and result.dtype is _SINGLE:
                price = result.numel() * entry.each
            else:
                price = entry.of_result(result, args, kwargs or _NOTHING)
            flops = self._flops + price
            if flops > self._limit:
                raise self._exceeded(func, price)
            self._flops = flops
            entry.flops += price
        return result

    def _learn(self, func: Any) -> _Entry:
        """Return the entry of an operation met for the first time."""
        if not isinstance(func, OpOverload):
            raise MeterError(f"the meter cannot see inside the operation {func}; call plain torch operations instead")
        rule = self.rulebook.rules.get(func.overloadpacket.__name__)
        composite = (rule is None or rule.basis != "free") and torch._C._dispatch_has_kernel_for_dispatch_key(
            str(func._name), DispatchKey.CompositeImplicitAutograd
        )
        pricing = Pricing(None, product=False, known=True) if composite else self.rulebook.pricing(func)
        if not pricing.known and self.strict:
            raise unknown_operation(func, self.rulebook.version)
        entry = self._entries[id(func)] = _Entry(func, pricing, composite)
        return entry

    def _run_composite(self, entry: _Entry, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a composite operation with its parts metered."""
        if self._flops > self._limit:
            raise self._exceeded(entry.operation, 0)
        whole = None if entry.shortcut is None else entry.shortcut(args, kwargs)
        if whole is not None:
            if self._flops + whole > self._limit:
                raise self._exceeded(entry.operation, whole)
            self._flops += whole
            entry.flops += whole
            return entry.run(*args, **kwargs)
        entry.calls -= 1  # its parts are counted instead
        # Torch took this mode off while it dispatches; put it back for the parts.
        super().__enter__()  # type: ignore[no-untyped-call]
        try:
            # Torch's own kernel, not its Python decomposition for export, which differs in copies.
            return entry.operation._op_dk(DispatchKey.CompositeImplicitAutograd, *args, **kwargs)
        finally:
            super().__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def _exceeded(self, func: OpOverload | str, price: int) -> BudgetExceededError:
        spent = self._flops
        # Whoever catches the error must not go on with cheaper operations.
        self._limit = -1
        return BudgetExceededError(
            f"the budget of {self.budget} FLOPs ends at {func}: {spent} are spent and it costs {price} more; "
            "do less, or ask for a larger budget"
        )

    @contextmanager
    def watching_garbage(self) -> Iterator[None]:
        """Count what runs while Python collects garbage, whenever that is.

        Code may wait in what is left behind, as in a suspended generator, and the collection that runs it may begin
        while this meter is off: between two `with meter:`, or inside the meter itself.
        """
        put_back: list[bool] = []

        def step(phase: str, _: dict[str, int]) -> None:
            if phase == "start":
                put_back.append(self not in _get_current_dispatch_mode_stack())
                if put_back[-1]:
                    super(Meter, self).__enter__()  # type: ignore[no-untyped-call]
            elif put_back and put_back.pop():
                super(Meter, self).__exit__(None, None, None)  # type: ignore[no-untyped-call]

        gc.callbacks.append(step)
        try:
            yield
        finally:
            gc.callbacks.remove(step)

    @property
    def ended(self) -> bool:
        """Whether the budget was exceeded, also where whoever ran into that went on."""
        return self._limit < 0

    @property
    def left(self) -> float:
        """FLOPs that can still be spent; infinite without a budget."""
        return max(0.0, self._limit - self._flops)

    def charge(self, by_op: Mapping[str, int], matmul_flops: int) -> None:
        """Count operations whose results are at hand already, as if they ran now.

        Args:
            by_op: FLOPs by operation.
            matmul_flops: the part that went into products.

        Raises:
            BudgetExceededError: they cost more than is left; nothing of them is counted.
        """
        price = sum(by_op.values())
        if self._flops + price > self._limit:
            raise self._exceeded("what was computed before", price)
        self._flops += price
        self._charged_matmul += matmul_flops
        for name, flops in by_op.items():
            self._charged[name] = self._charged.get(name, 0) + flops

    @contextmanager
    def region(self, name: str) -> Iterator[None]:
        """Count what runs inside under `name`; a region inside another is called `outer/inner`.

        Args:
            name: the region's name; the same name adds up.
        """
        self._close_region()
        self._regions.append(name)
        try:
            yield
        finally:
            self._close_region()
            self._regions.pop()

    def _close_region(self) -> None:
        name = "/".join(self._regions) or OUTSIDE
        counted = self._flops - self._region_start
        if counted:
            self._by_region[name] = self._by_region.get(name, 0) + counted
        self._region_start = self._flops

    @property
    def flops(self) -> int:
        """FLOPs deducted so far."""
        return self._flops

    @property
    def matmul_flops(self) -> int:
        """The part of `flops` that went into products; see `MeterReading`."""
        return self._charged_matmul + sum(entry.flops for entry in self._entries.values() if entry.product)

    @property
    def by_op(self) -> dict[str, int]:
        """FLOPs by operation name, dearest first."""
        counted = [{entry.name: entry.flops} for entry in self._entries.values() if entry.flops]
        return added_up(self._charged, *counted)

    @property
    def by_region(self) -> dict[str, int]:
        """FLOPs by region; the values add up to `flops`."""
        self._close_region()
        return dict(self._by_region)

    @property
    def unknown(self) -> dict[str, int]:
        """FLOPs by operation that the rulebook does not list."""
        return {entry.name: entry.flops for entry in self._entries.values() if not entry.known}

    @property
    def calls(self) -> dict[str, int]:
        """How often each operation ran, by the names of `by_op`, the most frequent first; free ones too."""
        return added_up(*({entry.name: entry.calls} for entry in self._entries.values() if entry.calls))

    def snapshot(self) -> MeterReading:
        """Return what has been counted so far."""
        return MeterReading(
            self.rulebook.version, self.flops, self.matmul_flops, self.by_op, self.by_region, self.unknown
        )
