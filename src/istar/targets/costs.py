"""The analytic costs of a target, fitted by metered probes and kept on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from istar.flops.costs import CostModel, cost_model_from_json, fit_cost_model, fit_costs_by_op
from istar.flops.meter import Meter, MeterReading
from istar.flops.rulebook import RULEBOOK
from istar.storage import Kind, Store, from_json, to_json
from istar.targets.limits import check_length
from istar.targets.packed_forward import residual_stream

if TYPE_CHECKING:
    from istar.targets.target import Target

_CODE = ("istar.targets.anatomy", "istar.targets.costs", "istar.targets.packed_forward", "istar.flops")
_LIBRARIES = ("torch", "transformers")
COSTS: Kind[CostModel] = Kind(
    "costs",
    lambda costs: to_json(costs.to_json()),
    lambda parts: cost_model_from_json(from_json(parts)),
    _CODE,
    _LIBRARIES,
)
"""What a forward of a target costs."""
COSTS_BY_OP: Kind[dict[str, CostModel]] = Kind(
    "costs",
    lambda costs: to_json({name: each.to_json() for name, each in costs.items()}),
    lambda parts: {name: cost_model_from_json(each) for name, each in from_json(parts).items()},
    _CODE,
    _LIBRARIES,
)
"""What a forward of a target costs, for each operation."""


@torch.no_grad()
def metered_forward(target: Target, new_tokens: int, cached_tokens: int, reads: int) -> MeterReading:
    """Return what a meter counts of one forward of new tokens after cached ones, batch 1, that extends the cache.

    Args:
        target: the model.
        new_tokens: how many tokens are processed.
        cached_tokens: how many stand before them in the key-value cache.
        reads: how many positions then pass the final norm, the unembedding and the log-softmax.
    """
    from transformers import DynamicCache

    check_length(target, cached_tokens + new_tokens, "a forward that rows are priced by")
    cache = DynamicCache(config=target.module.config)
    filler = torch.full((1, cached_tokens + new_tokens), target.bos, device=target.device)
    if cached_tokens:
        target.anatomy.base(input_ids=filler[:, :cached_tokens], past_key_values=cache, use_cache=True)
    meter = Meter()
    with meter:
        residual = residual_stream(
            target.anatomy,
            target.layers,
            input_ids=filler[:, cached_tokens:],
            past_key_values=cache,
            use_cache=True,
        )
        if reads:
            target.unembed(residual[0].new_zeros(reads, target.width))
    return meter.snapshot()


def cached_costs(target: Target) -> CostModel:
    """Return the costs of a target, from disk where they were fitted before.

    Raises:
        CorruptDataError: the file is not what was written.
    """

    def fitted() -> CostModel:
        return fit_cost_model(lambda *size: metered_forward(target, *size).flops)

    return Store().obtain(COSTS, _key(target, by_op=False), fitted)


def cached_costs_by_op(target: Target) -> dict[str, CostModel]:
    """Return the costs of a target for each operation, which add up to `cached_costs`, from disk likewise.

    Raises:
        CorruptDataError: the file is not what was written.
    """

    def fitted() -> dict[str, CostModel]:
        return fit_costs_by_op(lambda *size: metered_forward(target, *size).by_op)

    return Store().obtain(COSTS_BY_OP, _key(target, by_op=True), fitted)


def _key(target: Target, *, by_op: bool) -> dict[str, Any]:
    return {"target": target.id, "rulebook": RULEBOOK.version, "by_op": by_op}
