"""Variants of the statistician: which effects its model has, and how it buys. The portfolio chooses among them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

Model = Literal["full", "pairwise", "additive"]
Design = Literal["greedy", "paired", "random"]


@dataclass(frozen=True)
class Variant:
    """One estimator with one buying design.

    Attributes:
        model: "full" has effects of up to three switches and of pairs of traits, "pairwise" of two switches,
            "additive" main effects only; what a model leaves out is treated as noise of an arm or a cell.
        design: "greedy" buys by expected variance reduction per FLOP, "paired" random arms with their partners,
            "random" random rows.
        greedy_share: the greedy design is used until this share of brute force is spent, the paired one after it.
        chunk: how many replicates the paired design buys of an arm at once.
        explore: share of rows bought at random where the design looks for extreme rows.
        temper: power to which what bought rows say of the answer is taken; below 1 for a model that is only nearly
            right.
    """

    model: Model = "full"
    design: Design = "greedy"
    greedy_share: float = 0.1
    chunk: int = 8
    explore: float = 0.3
    temper: float = 1.0

    @property
    def name(self) -> str:
        """A short name for tables of scores."""
        parts = [self.model, self.design, f"until{self.greedy_share:g}", f"chunk{self.chunk}"]
        return "-".join([*parts, f"explore{self.explore:g}", f"temper{self.temper:g}"])

    def to_json(self) -> dict[str, Any]:
        """Return the variant as JSON values."""
        return asdict(self)


def variant_of(settings: Mapping[str, Any]) -> Variant:
    """Return the variant of some settings, JSON values; the others have their defaults.

    Raises:
        ValueError: there is no such setting, or it cannot have this value; the message names it.
    """
    unknown = sorted(set(settings) - {each.name for each in fields(Variant)})
    if unknown:
        names = ", ".join(each.name for each in fields(Variant))
        raise ValueError(f"a variant has no {', '.join(unknown)}; it has {names}")
    try:
        return TypeAdapter(Variant).validate_json(json.dumps(dict(settings)), strict=True)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ValueError(f"variant: {faults}") from None


_LEFT_OUT: dict[Model, tuple[str, ...]] = {
    "full": (),
    "pairwise": ("switch_triples",),
    "additive": ("switch_triples", "switch_pairs", "trait_pairs"),
}


def variances_of(model: Model, variances: Mapping[str, float]) -> dict[str, float]:
    """Return the variance components under a model; what it leaves out goes to the whole arm or the single cell."""
    result = dict(variances)
    for level, rest in (("common", "arm"), ("own", "cell")):
        for name in _LEFT_OUT[model]:
            moved = result.get(f"{level}.{name}", 0.0)
            if moved:
                result[f"{level}.{name}"] = 0.0
                result[f"{level}.{rest}"] += moved
    return result
