"""Analytic costs of a model's forward passes, fitted to the meter and equal to it to the last FLOP.

A forward of n new tokens over k keys (k - n of them cached) costs n times something, n k times something, k times
something, and a constant; each position whose next-token distribution is read adds final norm, unembedding and
log-softmax. The coefficients differ between three regimes, because model code builds an attention mask only where
there are several new tokens after cached ones, and because tensors of a single token need no copies. Nothing here
names an architecture: the coefficients are solved from metered probes in integers and verified on further probes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from istar.errors import IstarError

Probe = Callable[[int, int, int], int]
"""Maps (new tokens, cached tokens, reads) to the metered FLOPs of a real forward of batch size 1."""


class CostModelError(IstarError):
    """Metered FLOPs that no cost model of this form gives exactly."""


@dataclass(frozen=True)
class RegimeCosts:
    """Coefficients of one regime, in FLOPs.

    Attributes:
        per_token: of each new token.
        per_pair: of each pair of a new token and a key.
        per_key: of each key, cached or new.
        per_call: of each forward.
    """

    per_token: int
    per_pair: int
    per_key: int
    per_call: int

    def flops(self, new_tokens: int, keys: int) -> int:
        """Return the FLOPs of a forward of `new_tokens` over `keys`."""
        return self.per_token * new_tokens + self.per_pair * new_tokens * keys + self.per_key * keys + self.per_call


@dataclass(frozen=True)
class CostModel:
    """What a forward of a target costs, in FLOPs of one rulebook.

    The first four coefficients hold for two or more new tokens with none cached, where there are as many keys as
    tokens; a fitted model therefore has no `per_key` of its own there, and `per_token` includes writing a key.

    Attributes:
        per_token: of each new token.
        per_pair: of each pair of a new token and a key.
        per_key: of each key.
        per_call: of each forward.
        per_read: final norm where the model computes it per read, unembedding and log-softmax of one position.
        extend: coefficients for two or more new tokens after cached ones; None where they are the same.
        decode: coefficients for one new token; a fitted model knows only the sum over it, as `per_key` and
            `per_call`. None where they are the same.
    """

    per_token: int
    per_pair: int
    per_key: int = 0
    per_call: int = 0
    per_read: int = 0
    extend: RegimeCosts | None = None
    decode: RegimeCosts | None = None

    def regime(self, new_tokens: int, cached_tokens: int) -> RegimeCosts:
        """Return the coefficients that hold for a forward."""
        prefill = RegimeCosts(self.per_token, self.per_pair, self.per_key, self.per_call)
        if new_tokens == 1:
            return self.decode or prefill
        return (self.extend if cached_tokens else None) or prefill

    def forward_flops(self, new_tokens: int, cached_tokens: int = 0, reads: int = 0) -> int:
        """Return the metered FLOPs of a forward of batch size 1.

        Args:
            new_tokens: tokens processed, at least 1.
            cached_tokens: tokens whose keys and values are in the cache.
            reads: positions whose next-token distribution is computed.

        Raises:
            CostModelError: there is nothing to process.
        """
        if new_tokens < 1 or cached_tokens < 0 or reads < 0:
            raise CostModelError(
                f"a forward of {new_tokens} new tokens, {cached_tokens} cached tokens and {reads} reads; it takes at "
                "least one new token and no negative number"
            )
        regime = self.regime(new_tokens, cached_tokens)
        return regime.flops(new_tokens, cached_tokens + new_tokens) + self.per_read * reads

    def unique_token_flops(self, depth: int) -> int:
        """Return what an ideal prefix cache pays for one more token.

        Args:
            depth: number of tokens before it, all cached; it attends to them and to itself.
        """
        return self.per_token + self.per_pair * (depth + 1)

    def to_json(self) -> dict[str, Any]:
        """Return the model as JSON values."""
        return asdict(self)


def cost_model_from_json(data: Mapping[str, Any]) -> CostModel:
    """Return the cost model that `to_json` described."""
    regimes = {name: None if data[name] is None else RegimeCosts(**data[name]) for name in ("extend", "decode")}
    return CostModel(**{**data, **regimes})


_PREFILL_PROBES = ((2, 0, 1), (3, 0, 1), (5, 0, 1))
_EXTEND_PROBES = ((2, 1, 1), (2, 4, 1), (3, 1, 1), (5, 3, 1))
_DECODE_PROBES = ((1, 2, 1), (1, 5, 1))
_READ_PROBES = ((3, 0, 1), (3, 0, 3))
_CHECKS = ((8, 0, 2), (13, 0, 1), (2, 0, 2), (6, 7, 2), (4, 12, 3), (9, 1, 1), (1, 1, 1), (1, 9, 1), (1, 0, 1))
_PROBES = (*_PREFILL_PROBES, *_EXTEND_PROBES, *_DECODE_PROBES, *_READ_PROBES, *_CHECKS)


def fit_cost_model(probe: Probe) -> CostModel:
    """Solve the coefficients from metered forwards and verify them on others.

    Args:
        probe: runs a forward of batch size 1 for real and returns what the meter counted of it; it is asked for at
            most 13 new tokens, 12 cached ones, and between 1 and 3 reads.

    Raises:
        CostModelError: the coefficients are not whole, or a further probe disagrees.
    """
    few, many = (probe(*point) for point in _READ_PROBES)
    per_read = _whole(Fraction(many - few, _READ_PROBES[1][2] - _READ_PROBES[0][2]), "per read")

    def solve(
        points: Sequence[tuple[int, int, int]], monomials: Callable[[int, int], tuple[int, ...]], name: str
    ) -> list[int]:
        rows = [monomials(new, new + cached) for new, cached, _ in points]
        flops = [probe(*point) - per_read * point[2] for point in points]
        return [_whole(value, f"in the {name} regime") for value in _solve(rows, flops)]

    token, pair, call = solve(_PREFILL_PROBES, lambda new, keys: (new, new * keys, 1), "prefill")
    extend = solve(_EXTEND_PROBES, lambda new, keys: (new, new * keys, keys, 1), "extend")
    key, single = solve(_DECODE_PROBES, lambda new, keys: (keys, new), "decode")
    costs = CostModel(token, pair, 0, call, per_read, RegimeCosts(*extend), RegimeCosts(0, 0, key, single))
    for point in _CHECKS:
        metered, predicted = probe(*point), costs.forward_flops(*point)
        if metered != predicted:
            new, cached, reads = point
            raise CostModelError(
                f"a forward of {new} new tokens after {cached} cached ones with {reads} reads was metered at {metered} "
                f"FLOPs, but the coefficients fitted to smaller forwards give {predicted}; this model's cost is not "
                "of the form that istar.flops.costs knows"
            )
    return costs


def fit_costs_by_op(probe: Callable[[int, int, int], Mapping[str, int]]) -> dict[str, CostModel]:
    """Solve the coefficients of every operation; added up they are those of `fit_cost_model`.

    Args:
        probe: like `fit_cost_model`'s, but returns FLOPs by operation.

    Raises:
        CostModelError: the coefficients are not whole, or a further probe disagrees.
    """
    readings = {point: probe(*point) for point in dict.fromkeys(_PROBES)}
    names = sorted({name for reading in readings.values() for name in reading})
    return {name: fit_cost_model(lambda *point, name=name: readings[point].get(name, 0)) for name in names}


def _whole(value: Fraction, where: str) -> int:
    if value.denominator != 1:
        raise CostModelError(f"the metered FLOPs give a coefficient of {value} {where}, which is not a whole number")
    return int(value)


def _solve(rows: Sequence[Sequence[int]], values: Sequence[int]) -> list[Fraction]:
    """Return the exact solution of a small square system by Gauss-Jordan elimination in fractions."""
    system = [[Fraction(each) for each in (*row, value)] for row, value in zip(rows, values, strict=True)]
    for column in range(len(system)):
        pivot = next(row for row in range(column, len(system)) if system[row][column])
        system[column], system[pivot] = system[pivot], system[column]
        scale = system[column][column]
        system[column] = [each / scale for each in system[column]]
        for row in range(len(system)):
            factor = system[row][column]
            if row != column and factor:
                system[row] = [each - factor * lead for each, lead in zip(system[row], system[column], strict=True)]
    return [row[-1] for row in system]
