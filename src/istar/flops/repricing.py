"""Prices under another rulebook, from histograms that were kept under the old one.

A histogram holds FLOPs by operation. Where both rulebooks count the same thing and differ in the price of one, or where
the new one makes an operation free, the new price follows from the old. From v1 to v2 it follows where both bases count
the same elements, provided that these were no integers and that nothing was broadcast which v1 did not see, which a
histogram does not tell: `Repricing.assumed` names the operations that were converted so. Anything else would need what
the histogram does not keep, and is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from istar.errors import IstarError
from istar.flops.rulebook import Rulebook, rule_name

PROPORTIONAL = frozenset(
    {
        "bagged",
        "bitwise",
        "embedded_backward",
        "halved",
        "joined",
        "listed",
        "moved",
        "one",
        "once",
        "per_all_inputs",
        "per_grid",
        "per_input",
        "per_output",
        "per_padded",
        "per_repeat",
        "per_repeat_count",
        "per_row",
        "per_second",
        "per_size",
        "per_step",
        "per_sum",
        "picked",
        "pointwise",
        "pooled",
        "reduced",
        "scaled_sum",
        "searched",
        "targeted",
    }
)
"""The bases whose price is the rule's number times something that does not depend on it."""
AGREEING = frozenset(
    {
        ("convolution", "convolved"),
        ("fourier", "transformed"),
        ("matrix_product", "product"),
        ("matrix_vector", "product_with_vector"),
        ("outer_product", "product_of_vectors"),
        ("per_all_inputs", "joined"),
        ("per_index", "picked"),
        ("per_index", "placed"),
        ("per_indexed", "picked"),
        ("per_indexed", "placed"),
        ("per_input", "moved"),
        ("per_input", "reduced"),
        ("per_input", "searched"),
        ("per_output", "modulus"),
        ("per_output", "moved"),
        ("per_output", "pointwise"),
        ("per_padded", "moved"),
        ("per_repeat", "moved"),
        ("per_row", "bagged"),
        ("per_row", "embedded_backward"),
        ("per_row", "picked"),
        ("per_second", "targeted"),
        ("per_size", "moved"),
        ("per_slices", "picked"),
        ("per_slices", "placed"),
        ("per_step", "moved"),
        ("per_sum", "scaled_sum"),
        ("transformer_attention", "multi_head_attention"),
        ("vector_norm", "norms"),
    }
)
"""Bases of v1 and of v2 that count the same of floating-point operands which are not broadcast."""


class RepricingError(IstarError):
    """A price under another rulebook that a kept histogram does not tell."""


class Repricing:
    """The way from one rulebook's prices to another's.

    Args:
        old: the rulebook that histograms were counted under.
        new: the one asked for.

    Attributes:
        assumed: operations whose prices were converted as if their operands were floating-point numbers that v1 saw in
            full; filled as histograms are converted.

    Raises:
        RepricingError: the new one prices what was free under the old one, and therefore in no histogram.
    """

    def __init__(self, old: Rulebook, new: Rulebook) -> None:
        """See the class docstring."""
        self.old, self.new = old, new
        self.assumed: set[str] = set()
        free = sorted(name for name, rule in old.rules.items() if rule.basis == "free")
        priced = [name for name in free if name in new.rules and new.rules[name].basis != "free"]
        if priced:
            raise RepricingError(
                f"rulebook {new.version} does not leave free what {old.version} did ({_some(priced)}); histograms do "
                "not count what was free, so that only running everything again would tell"
            )
        self._factors: dict[str, Fraction] = {}

    def factor(self, operation: str) -> Fraction:
        """Return the new price of an operation as a multiple of the old one.

        Args:
            operation: its name in a histogram, aten's without overload.

        Raises:
            RepricingError: that depends on what a histogram does not keep.
        """
        if operation not in self._factors:
            self._factors[operation] = self._factor(operation)
        return self._factors[operation]

    def _factor(self, operation: str) -> Fraction:
        name = rule_name(operation)
        old, new = self.old.rules.get(name), self.new.rules.get(name)
        if old == new:
            return Fraction(1)
        if old is None or new is None:
            lacking = (self.old if old is None else self.new).version
            raise RepricingError(f"rulebook {lacking} has no price for {operation!r}, which was counted; give it one")
        if new.basis == "free":
            return Fraction(0)
        if old.basis == new.basis and old.basis in PROPORTIONAL and old.each:
            return Fraction(new.each, old.each)
        if (old.basis, new.basis) in AGREEING and (old.each == new.each or old.basis in PROPORTIONAL):
            self.assumed.add(name)
            return Fraction(new.each, old.each) if old.each != new.each else Fraction(1)
        raise RepricingError(
            f"{operation!r} is priced by {old.basis!r} ({old.each}) in rulebook {self.old.version} and by "
            f"{new.basis!r} ({new.each}) in {self.new.version}; a histogram does not tell the one from the other"
        )

    def histogram(self, by_op: Mapping[str, int]) -> dict[str, int]:
        """Return a histogram under the new rulebook; what is free there is left out.

        Raises:
            RepricingError: it does not follow from the old one.
        """
        prices = {operation: self._whole(operation, flops) for operation, flops in by_op.items()}
        return {operation: flops for operation, flops in prices.items() if flops}

    def flops(self, by_op: Mapping[str, int]) -> int:
        """Return the sum of a histogram under the new rulebook.

        Raises:
            RepricingError: it does not follow from the old one.
        """
        return sum(self.histogram(by_op).values())

    def _whole(self, operation: str, flops: int) -> int:
        price = self.factor(operation) * flops
        if price.denominator != 1:
            raise RepricingError(
                f"{flops} FLOPs of {operation!r} are no multiple of its price in rulebook {self.old.version}; the "
                "histogram was not counted under it"
            )
        return int(price)


def _some(names: Iterable[str], most: int = 5) -> str:
    listed = list(names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
