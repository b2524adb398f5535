"""The rulebook: what one operation costs, in FLOPs.

A rulebook is versioned and frozen once used; every stored figure names its version. An FMA counts 2. Matrix
products, convolutions and attention, forward and backward, go by formula. Other operations are priced per output
element (reductions per input element) as `price_table` lists. float64 counts twice, complex four times. A price
depends on shapes, types and arguments, never on values or on the machine, save where the amount of work itself does
(a boolean mask).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy  # noqa: F401  (before torch, which would swallow an interrupt that comes while it imports it)
from torch._ops import OpOverload
from torch.utils.flop_counter import flop_registry

from istar.errors import IstarError
from istar.flops import formulas, operands, selections
from istar.flops.operands import Pricer, tensors_in, type_weight
from istar.flops.price_table import V1


class UnknownOperationError(IstarError):
    """An operation that the rulebook does not price, met in strict mode."""


class RulebookError(IstarError):
    """A file that holds no rulebook."""


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
DEAREST_RULE = 10**6
LONGEST_VERSION = 20
"""Characters; what the ledger's column holds."""
FREE_NAMESPACES = frozenset({"profiler"})
"""Operations that compute nothing; optimisers mark their steps for torch's profiler."""


def base_name(op: OpOverload) -> str:
    """Return the name that an operation's rule goes by; see `rule_name`."""
    return rule_name(op.overloadpacket.__name__)


def rule_name(operation: str) -> str:
    """Return the name a rule goes by: aten's, without `_foreach_` and the underscore of in-place variants."""
    name = operation.removeprefix("_foreach_")
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
        factory = _basis(rule.basis)
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


def _basis(name: str) -> Callable[[OpOverload, int], Pricer]:
    home = next(module for module in (operands, selections, formulas) if hasattr(module, name))
    factory: Callable[[OpOverload, int], Pricer] = getattr(home, name)
    return factory


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


def rulebook_from_json(text: str, where: str) -> Rulebook:
    """Return the rulebook that a JSON text holds, as `Rulebook.to_json` gives it.

    Args:
        text: the text.
        where: for messages.

    Raises:
        RulebookError: it is none; the message says what is wrong.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RulebookError(f"{where} is no JSON: {error}") from error
    if not isinstance(data, dict) or set(data) != {"version", "rules"} or not isinstance(data["rules"], dict):
        raise RulebookError(f"{where} is no rulebook: give an object with `version` and `rules`; see `istar rulebook`")
    version = data["version"]
    if not isinstance(version, str) or not 0 < len(version) <= LONGEST_VERSION or not version.isprintable():
        raise RulebookError(f"{where}: the version is a name of up to {LONGEST_VERSION} printable characters")
    return Rulebook(version, MappingProxyType({name: _rule(name, rule, where) for name, rule in data["rules"].items()}))


def _rule(name: str, rule: Any, where: str) -> Rule:
    if (
        not isinstance(rule, list)
        or len(rule) != 2
        or rule[0] not in BASES
        or type(rule[1]) is not int
        or not 0 <= rule[1] <= DEAREST_RULE
    ):
        raise RulebookError(
            f"{where}: the rule of {name!r:.80} is {rule!r:.80}; give a basis and a number from 0 to {DEAREST_RULE}, "
            f'such as ["per_output", 16]; the bases are {", ".join(BASES)}'
        )
    return Rule(*rule)


def _products_alone(rulebook: Rulebook, version: str) -> Rulebook:
    """Return a rulebook under which only matrix products, convolutions and attention cost anything."""
    free = Rule("free", 0)
    rules = {name: rule if rule.basis in PRODUCT_BASES else free for name, rule in rulebook.rules.items()}
    return Rulebook(version, MappingProxyType(rules))


_V1 = Rulebook("v1", _rules(V1))
RULEBOOKS: Mapping[str, Rulebook] = MappingProxyType(
    {"v1": _V1, "v1-products": _products_alone(_V1, "v1-products")},
)
"""By version. `v1-products` prices matrix products, convolutions and attention as v1 does, and nothing else."""
RULEBOOK = RULEBOOKS["v1"]
BASES = tuple(sorted({rule.basis for rule in RULEBOOK.rules.values()}))
"""What rules may count."""

__all__ = [
    "RULEBOOK",
    "RULEBOOKS",
    "Pricing",
    "Rule",
    "Rulebook",
    "RulebookError",
    "UnknownOperationError",
    "base_name",
    "dearest",
    "dearest_output",
    "rule_name",
    "rulebook_from_json",
    "unknown_operation",
]
