"""The identity of a target: what its weights, configuration and dtype hash to."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn


def weights_hash(module: nn.Module) -> str:
    """Return SHA-256 over all weights, 64 hexadecimal digits; tied weights count once.

    Tensors are hashed on their own, in parallel, and their digests are hashed in order of name.
    """
    named = sorted(module.named_parameters(), key=lambda item: item[0])
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(lambda item: _tensor_digest(item[1]), named))
    digest = hashlib.sha256()
    for (name, weight), each in zip(named, digests, strict=True):
        digest.update(f"{name}|{weight.dtype}|{tuple(weight.shape)}|".encode() + each)
    return digest.hexdigest()


def _tensor_digest(weight: Tensor) -> bytes:
    flat = weight.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(flat.numpy().data).digest()


def target_id(module: nn.Module, weights: str | None = None) -> str:
    """Return the target's id, 64 hexadecimal digits, of weights hash, configuration and dtype.

    Args:
        module: a Hugging Face model.
        weights: the weights hash, where it is known already.
    """
    config = module.config.to_dict()  # type: ignore[union-attr, operator]
    # What says where a model came from or which library wrote it does not change what it computes.
    for name in ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures", "use_cache"):
        config.pop(name, None)
    dtype = str(next(module.parameters()).dtype)
    text = json.dumps([weights or weights_hash(module), config, dtype], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
