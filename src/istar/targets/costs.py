"""The analytic costs of a target, fitted by metered probes and kept on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from istar import paths
from istar.files import StorageError, read_checked_json, write_checked_json
from istar.fingerprint import fingerprint
from istar.flops.costs import CostModel, cost_model_from_json, fit_cost_model, fit_costs_by_op
from istar.flops.meter import Meter, MeterReading
from istar.flops.rulebook import RULEBOOK
from istar.targets.limits import check_length
from istar.targets.packed_forward import residual_stream

if TYPE_CHECKING:
    from istar.targets.target import Target

_log = logging.getLogger(__name__)

COST_CODE = ("istar.targets.anatomy", "istar.targets.costs", "istar.targets.packed_forward", "istar.flops")
COST_LIBRARIES = ("torch", "transformers")
"""The packages that decide what a forward of a target costs."""


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
    return cost_model_from_json(
        _kept(target, "costs", lambda: fit_cost_model(lambda *size: metered_forward(target, *size).flops).to_json())
    )


def cached_costs_by_op(target: Target) -> dict[str, CostModel]:
    """Return the costs of a target for each operation, which add up to `cached_costs`, from disk likewise.

    Raises:
        CorruptDataError: the file is not what was written.
    """

    def fitted() -> dict[str, Any]:
        costs = fit_costs_by_op(lambda *size: metered_forward(target, *size).by_op)
        return {name: cost.to_json() for name, cost in costs.items()}

    return {name: cost_model_from_json(data) for name, data in _kept(target, "costs-by-op", fitted).items()}


def _kept(target: Target, kind: str, fit: Callable[[], dict[str, Any]]) -> Any:
    """Return what is kept of a target's costs on disk, or fit and keep it."""
    code = fingerprint(COST_CODE, COST_LIBRARIES)
    file = paths.cache("costs") / f"{target.id[:16]}-rulebook-{RULEBOOK.version}-{code[:16]}.{kind}"
    found = read_checked_json(file)
    if found is not None:
        return found
    fitted = fit()
    try:
        write_checked_json(file, fitted)
    except StorageError as error:
        # The costs are right without the copy; a read-only cache only means that they are fitted again next time.
        _log.warning("the costs of %s could not be kept: %s", target.name, error)
    return fitted
