"""The rulebook: what one operation costs, in FLOPs.

A rulebook is versioned and frozen once used; every stored figure names its version. An FMA counts 2. Matrix
products, convolutions and attention, forward and backward, go by formula. Other operations are priced per output
element (reductions per input element) as `price_table` lists. float64 counts twice, complex four times. A price
depends on shapes, types and arguments, never on values or on the machine, save where the amount of work itself does
(a boolean mask).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from torch._ops import OpOverload
from torch.utils.flop_counter import flop_registry

from istar.errors import IstarError
from istar.flops import formulas, operands, selections
from istar.flops.operands import Pricer, tensors_in, type_weight
from istar.flops.price_table import V1


class UnknownOperationError(IstarError):
    """An operation that the rulebook does not price, met in strict mode."""


class Rule(NamedTuple):
    """How one operation is priced.

    Attributes:
        basis: what is counted, the name of a function of `operands`, `selections` or `formulas`, or "free".
        each: FLOPs per element counted, or the basis' own parameter.
    """

    basis: str
    each: int


class Pricing(NamedTuple):
    """A rule made ready for one operation overload.

    Attributes:
        price: the price from the arguments, or None for a free operation.
        product: whether it is a matrix product, convolution or attention that torch's own flop counter has.
        known: whether the rulebook lists the operation.
    """

    price: Pricer | None
    product: bool
    known: bool


PRODUCT_BASES = frozenset(
    {
        "matrix_product",
        "fused_attention",
        "fused_attention_backward",
        "convolution",
        "convolution_backward",
        "torch_formula",
    }
)
DEAREST_EACH = 16
FREE_NAMESPACES = frozenset({"profiler"})
"""Operations that compute nothing; optimisers mark their steps for torch's profiler."""


def base_name(op: OpOverload) -> str:
    """Return the name a rule goes by: aten's, without `_foreach_` and the underscore of in-place variants."""
    name: str = op.overloadpacket.__name__
    name = name.removeprefix("_foreach_")
    return name if name.endswith("__") else name.removesuffix("_")


def is_view(op: OpOverload) -> bool:
    """Whether every result shares an argument's storage and nothing is written."""
    returns = op._schema.returns
    return bool(returns) and all(each.alias_info is not None and not each.alias_info.is_write for each in returns)


@dataclass(frozen=True)
class Rulebook:
    """A frozen table of prices.

    Attributes:
        version: stored with every figure.
        rules: by base name.
    """

    version: str
    rules: Mapping[str, Rule]

    def pricing(self, op: OpOverload) -> Pricing:
        """Return how this operation is priced; an unknown one at the dearest price per element."""
        if is_view(op) or op.namespace in FREE_NAMESPACES:
            return Pricing(None, product=False, known=True)
        name = base_name(op)
        rule = self.rules.get(name) if op.namespace in ("aten", "prim", "prims") else None
        if rule is None:
            return Pricing(dearest, product=False, known=False)
        if rule.basis == "free":
            return Pricing(None, product=False, known=True)
        home = next(module for module in (operands, selections, formulas) if hasattr(module, rule.basis))
        factory = getattr(home, rule.basis)
        counted_by_torch = op.overloadpacket in flop_registry or rule.basis.startswith("fused_attention")
        return Pricing(factory(op, rule.each), product=rule.basis in PRODUCT_BASES and counted_by_torch, known=True)

    def price(self, op: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None) -> int:
        """Return the FLOPs of one operation, from its arguments alone.

        Args:
            op: an operation overload such as `torch.ops.aten.mm.default`.
            args: its positional arguments.
            kwargs: its keyword arguments.

        Raises:
            UnknownOperationError: the rulebook does not list it.
        """
        pricing = self.pricing(op)
        if not pricing.known:
            raise unknown_operation(op, self.version)
        return 0 if pricing.price is None else pricing.price(args, dict(kwargs or {}))

    def to_json(self) -> dict[str, Any]:
        """Return the whole table as JSON values."""
        return {"version": self.version, "rules": {name: list(rule) for name, rule in sorted(self.rules.items())}}


def unknown_operation(op: OpOverload, version: str) -> UnknownOperationError:
    """Return the error that names an operation and what to do about it."""
    return UnknownOperationError(
        f"rulebook {version} has no price for the operation {op}; use an operation that it lists "
        "(istar.flops.price_table), or meter without strict mode, where it takes the dearest price and is listed"
    )


def dearest(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Return the dearest price per element, over all operands' elements: for operations nobody priced."""
    elements = sum(operand.numel() for operand in tensors_in((*args, *kwargs.values())))
    return DEAREST_EACH * max(1, elements) * type_weight(args, kwargs)


def dearest_output(result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Return what the output of an unpriced operation adds where it is larger than its operands."""
    produced = tensors_in(result if isinstance(result, (list, tuple)) else (result,))
    total = DEAREST_EACH * sum(each.numel() for each in produced) * type_weight(tuple(produced), {})
    return max(0, total - dearest(args, kwargs))


def _rules(table: tuple[tuple[str, int, str], ...]) -> Mapping[str, Rule]:
    rules: dict[str, Rule] = {}
    for basis, each, names in table:
        for name in names.split():
            if name in rules:
                raise ValueError(f"the price table lists {name!r} twice")
            rules[name] = Rule(basis, each)
    return MappingProxyType(rules)


RULEBOOKS: Mapping[str, Rulebook] = MappingProxyType({"v1": Rulebook("v1", _rules(V1))})
RULEBOOK = RULEBOOKS["v1"]

__all__ = [
    "RULEBOOK",
    "RULEBOOKS",
    "Pricing",
    "Rule",
    "Rulebook",
    "UnknownOperationError",
    "base_name",
    "dearest",
    "dearest_output",
    "unknown_operation",
]
