"""The rulebook: what one operation costs, in FLOPs.

A rulebook is versioned and frozen once used; every stored figure names its version. An FMA counts 2. Matrix
products, convolutions and attention, forward and backward, go by formula. Other operations are priced per element of
what they computed. float64 counts twice, complex four times. A price depends on shapes, types and arguments, never on
values or on the machine, save where the amount of work itself does (a boolean mask).

v1 reads sizes off the arguments before an operation runs (`price_table`, `operands`). v2 prices matrix products that
way, since their shapes are forced, and everything else from its result after it ran (`price_table_v2`, `work`), so that
no broadcast escapes it; it counts integers by their width and lists only what has a count of its own to be compared
with. The two agree on what the forwards of targets and the interventions of questions do.
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
from istar.flops import formulas, operands, products, selections, work
from istar.flops.operands import Pricer, tensors_in, type_weight
from istar.flops.price_table import V1
from istar.flops.price_table_v2 import V2
from istar.flops.work import ResultPricer


class UnknownOperationError(IstarError):
    """An operation that the rulebook does not price, met in strict mode."""


class RulebookError(IstarError):
    """A file that holds no rulebook."""


class Rule(NamedTuple):
    """How one operation is priced.

    Attributes:
        basis: what is counted, the name of a function of `operands`, `selections`, `formulas`, `products` or `work`, or
            "free".
        each: FLOPs per element counted, or the basis' own parameter.
    """

    basis: str
    each: int


class Pricing(NamedTuple):
    """A rule made ready for one operation overload.

    Attributes:
        price: the price from the arguments, before the operation runs; None if there is none.
        product: whether it is among `MeterReading.matmul_flops`.
        known: whether the rulebook lists the operation.
        of_result: the price from the result, after it ran; None if there is none. A free operation has neither.
        each: FLOPs for each element of a result of float32 where `of_result` comes to that; 0 where it does not.
    """

    price: Pricer | None
    product: bool
    known: bool
    of_result: ResultPricer | None = None
    each: int = 0


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
"""Bases of the products of v1; `matmul_flops` holds those of them that torch's own flop counter has."""
ALL_PRODUCT_BASES = frozenset(
    {
        "product",
        "product_with_vector",
        "product_of_vectors",
        "fused_attention",
        "fused_attention_backward",
        "multi_head_attention",
        "convolved",
        "convolved_backward",
    }
)
"""Bases of the products of v2: of matrices, with vectors too, convolutions, attention; all are in `matmul_flops`."""
PER_RESULT = frozenset({"pointwise", "scaled_sum", "moved"})
"""Bases that price so much for each element of the result, if its type is float32 and no option is given."""
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
            return Pricing(None, product=False, known=False, of_result=dearest)
        if rule.basis == "free":
            return Pricing(None, product=False, known=True)
        factory = _basis(rule.basis)
        counted_by_torch = op.overloadpacket in flop_registry
        product = rule.basis in ALL_PRODUCT_BASES or (rule.basis in PRODUCT_BASES and counted_by_torch)
        if factory.__module__ != work.__name__:
            return Pricing(factory(op, rule.each), product=product, known=True)
        of_result: ResultPricer = factory(op, rule.each)
        if not op._schema.returns:  # it wrote into its first argument
            return Pricing(
                None, product, known=True, of_result=lambda _, args, kwargs: of_result(args[0], args, kwargs)
            )
        plain = rule.basis in PER_RESULT
        return Pricing(None, product, known=True, of_result=of_result, each=rule.each if plain else 0)

    def price(
        self, op: OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None = None, result: Any = None
    ) -> int:
        """Return the FLOPs of one operation.

        Args:
            op: an operation overload such as `torch.ops.aten.mm.default`.
            args: its positional arguments.
            kwargs: its keyword arguments.
            result: what it returned; the operation is run for it if it is needed and not given.

        Raises:
            UnknownOperationError: the rulebook does not list it.
        """
        pricing, named = self.pricing(op), dict(kwargs or {})
        if not pricing.known:
            raise unknown_operation(op, self.version)
        if pricing.of_result is not None:
            return pricing.of_result(op(*args, **named) if result is None else result, args, named)
        return 0 if pricing.price is None else pricing.price(args, named)

    def to_json(self) -> dict[str, Any]:
        """Return the whole table as JSON values."""
        return {"version": self.version, "rules": {name: list(rule) for name, rule in sorted(self.rules.items())}}


def _basis(name: str) -> Callable[[OpOverload, int], Any]:
    """Return what makes the price of an operation: a `Pricer`, or a `ResultPricer` if it is of `work`."""
    modules = (operands, selections, formulas, products, work)
    factory: Callable[[OpOverload, int], Any] = next(
        getattr(module, name) for module in modules if hasattr(module, name)
    )
    return factory


def unknown_operation(op: OpOverload, version: str) -> UnknownOperationError:
    """Return the error that names an operation and what to do about it."""
    return UnknownOperationError(
        f"rulebook {version} has no price for the operation {op}; use an operation that it lists "
        "(`istar rulebook`), or meter without strict mode, where it takes the dearest price and is listed"
    )


def dearest(result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Return the dearest price for each element of operands or results, whichever are more: for what nobody priced."""
    operands, produced = (
        sum(each.numel() for each in tensors_in(values)) * type_weight(tuple(tensors_in(values)), {})
        for values in ((*args, *kwargs.values()), result if isinstance(result, (list, tuple)) else (result,))
    )
    return DEAREST_EACH * max(1, operands, produced)


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


def _products_alone(rulebook: Rulebook, version: str, bases: frozenset[str]) -> Rulebook:
    """Return a rulebook under which only products cost anything."""
    free = Rule("free", 0)
    rules = {name: rule if rule.basis in bases else free for name, rule in rulebook.rules.items()}
    return Rulebook(version, MappingProxyType(rules))


_V1, _V2 = Rulebook("v1", _rules(V1)), Rulebook("v2", _rules(V2))
RULEBOOKS: Mapping[str, Rulebook] = MappingProxyType(
    {
        "v1": _V1,
        "v1-products": _products_alone(_V1, "v1-products", PRODUCT_BASES),
        "v2": _V2,
        "v2-products": _products_alone(_V2, "v2-products", ALL_PRODUCT_BASES),
    },
)
"""By version. `v2-products` prices products of matrices, with vectors too, convolutions and attention as v2 does, and
nothing else. `v1-products` leaves free what torch's own counter does: products with vectors, of vectors, fused layers.
"""
RULEBOOK = RULEBOOKS["v2"]
BASES = tuple(sorted({rule.basis for rulebook in RULEBOOKS.values() for rule in rulebook.rules.values()}))
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
    "rule_name",
    "rulebook_from_json",
    "unknown_operation",
]
