"""The identity of a target: what its weights, configuration and dtype hash to, and what its tokenizer hashes to."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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


PROBE = "The 3 quick brown-foxes' jumps:\n\n\t “naïve” café, 12,345.67 — 東京 \u0440\u0435\u043a\u0430 🦊 <s></s> end"
"""Text whose tokens stand for what a tokenizer that is written in Python does."""


def tokenizer_digest(tokenizer: Any) -> str:
    """Return SHA-256 over all that decides how a tokenizer encodes and decodes, 64 hexadecimal digits.

    A fast tokenizer is what its backend says of itself. What one that is written in Python does cannot be read off it:
    its class, its vocabulary, the ranks of its merges or its SentencePiece model, and the tokens of a probe stand for
    it.

    Args:
        tokenizer: a Hugging Face tokenizer, or anything with `encode`, `bos_token_id` and `eos_token_id`.
    """
    ids = [getattr(tokenizer, f"{name}_token_id", None) for name in ("bos", "eos", "unk")]
    facts: list[Any] = [*ids, bool(getattr(tokenizer, "split_special_tokens", False))]
    digest = hashlib.sha256(json.dumps(facts).encode())
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if hasattr(backend, "to_str"):
        digest.update(_serialised(backend).encode())
        return digest.hexdigest()
    kind = type(tokenizer)
    digest.update(f"{kind.__module__}.{kind.__qualname__}\n".encode())
    if hasattr(tokenizer, "get_vocab"):
        digest.update(json.dumps(sorted(tokenizer.get_vocab().items())).encode())
    digest.update(json.dumps(sorted(map(repr, getattr(tokenizer, "bpe_ranks", {}).items()))).encode())
    if hasattr(tokenizer, "sp_model"):
        digest.update(tokenizer.sp_model.serialized_model_proto())
    added = getattr(tokenizer, "added_tokens_decoder", {})
    digest.update("\n".join(f"{number} {token!r}" for number, token in sorted(added.items())).encode())
    digest.update(json.dumps(list(_probed(tokenizer))).encode())
    return digest.hexdigest()


def _serialised(backend: Any) -> str:
    """Return a backend as JSON, but for truncation and padding, which every call sets anew."""
    if backend.truncation is None and backend.padding is None:
        return str(backend.to_str())
    from tokenizers import Tokenizer

    copy = Tokenizer.from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()
    return str(copy.to_str())


def _probed(tokenizer: Any) -> list[Any]:
    """Return the tokens of each word of the probe, and of all of it, or what kept them from being made."""
    found: list[Any] = []
    for text in (*PROBE.split(), PROBE):
        try:
            found.append(list(tokenizer.encode(text, add_special_tokens=False)))
        except (KeyError, ValueError, IndexError) as error:  # it lacks a character, and has no token for that
            found.append(type(error).__name__)
    return found
