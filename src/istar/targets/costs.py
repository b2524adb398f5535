"""The analytic costs of a target, fitted by metered probes and kept on disk."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import torch

from istar import paths
from istar.files import StorageError, read_checked_json, write_checked_json
from istar.flops.costs import CostModel, cost_model_from_json, fit_cost_model
from istar.flops.meter import Meter
from istar.flops.rulebook import RULEBOOK
from istar.targets.packed_forward import residual_stream

if TYPE_CHECKING:
    from istar.targets.target import Target

_log = logging.getLogger(__name__)


@torch.no_grad()
def metered_forward(target: Target, new_tokens: int, cached_tokens: int, reads: int) -> int:
    """Return the metered FLOPs of one forward of new tokens after cached ones, batch 1, that extends the cache.

    Args:
        target: the model.
        new_tokens: how many tokens are processed.
        cached_tokens: how many stand before them in the key-value cache.
        reads: how many positions then pass the final norm, the unembedding and the log-softmax.
    """
    from transformers import DynamicCache

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
    return meter.flops


def cached_costs(target: Target) -> CostModel:
    """Return the costs of a target, from disk where they were fitted before.

    Raises:
        CorruptDataError: the file is not what was written.
    """
    import transformers

    name = f"{target.id[:16]}-rulebook-{RULEBOOK.version}-transformers-{transformers.__version__}.costs"
    file = paths.cache("costs") / name
    found = read_checked_json(file)
    if found is not None:
        return cost_model_from_json(found)
    costs = fit_cost_model(partial(metered_forward, target))
    try:
        write_checked_json(file, costs.to_json())
    except StorageError as error:
        # The costs are right without the copy; a read-only cache only means that they are fitted again next time.
        _log.warning("the costs of %s could not be kept: %s", target.name, error)
    return costs
