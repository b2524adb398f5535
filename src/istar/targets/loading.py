"""Loading a target by name, folder or hub id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from istar.errors import IstarError
from istar.targets.anatomy import part_names
from istar.targets.checkpoint import (
    check_loaded,
    check_no_adapter,
    check_plain_weights,
    check_vocabulary,
    weight_bytes,
    weight_files,
)
from istar.targets.embedded import check_files, recorded_weights_hash
from istar.targets.errors import TargetError, TargetMemoryError, UnknownArchitectureError
from istar.targets.exactness import check_exact
from istar.targets.hashing import target_id, weights_hash
from istar.targets.places import FOLDERS, TINY, folder_of
from istar.targets.quiet import quiet_transformers, reason_of
from istar.targets.target import Target, wrap
from istar.targets.tiny import byte_tokenizer, tiny_llama
from istar.targets.tokenizer import read_tokenizer

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float64": torch.float64,
}


def load_target(name_or_path: str, dtype: str = "float32", device: str = "cpu", name: str | None = None) -> Target:
    """Return a target, ready to run.

    Args:
        name_or_path: `smollm2-135m`, `tiny-text`, `tiny-exact`, `tiny-random`, a folder with a Hugging Face model, or
            a hub id.
        dtype: type of the weights: float32, bfloat16, float16 or float64.
        device: a torch device, such as `cpu` or `cuda`.
        name: what to call the target, if not `name_or_path`.

    Raises:
        TargetError: the dtype, device or model is not there, or its files are not what they were.
        UnknownArchitectureError: the model's architecture has no anatomy, or computes what packed runs do not.
        TargetMemoryError: the weights would not fit.
    """
    kind, place = _dtype(dtype), _device(device)
    called = name or name_or_path
    if name_or_path == TINY:
        module = tiny_llama().to(device=place, dtype=kind)
        return wrap(module, byte_tokenizer(), called, target_id(module))
    folder = FOLDERS.get(name_or_path)() if name_or_path in FOLDERS else folder_of(name_or_path)
    if folder is not None:
        check_files(folder)
    module, tokenizer = _pretrained(name_or_path if folder is None else str(folder), folder, kind, place)
    recorded = None if folder is None else recorded_weights_hash(folder)
    weights = weights_hash(module)
    if recorded is not None and kind == torch.float32 and weights != recorded:
        raise TargetError(f"the weights in {folder} are not those that were written there; delete it and load again")
    target = wrap(module, tokenizer, called, target_id(module, weights), folder)
    check_exact(target)
    return target


def _dtype(dtype: str) -> torch.dtype:
    if dtype not in DTYPES:
        raise TargetError(f"the dtype {dtype!r} is unknown; give one of {', '.join(DTYPES)}")
    return DTYPES[dtype]


def _device(device: str) -> torch.device:
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise TargetError(f"the device {device!r} is not available here ({reason}); use 'cpu'") from error
    return place


def _pretrained(source: str, folder: Path | None, dtype: torch.dtype, device: torch.device) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        with quiet_transformers():
            check_no_adapter(source, folder)
            config = AutoConfig.from_pretrained(source, trust_remote_code=False)
            part_names(config.model_type)
            check_plain_weights(source, config)
            if folder is not None:
                files = weight_files(folder, getattr(config, "transformers_weights", None))
                _check_memory(source, files, dtype, device)
                check_vocabulary(folder)
            tokenizer = read_tokenizer(source)
            module, report = AutoModelForCausalLM.from_pretrained(
                source,
                config=config,
                dtype=dtype,
                attn_implementation="sdpa",
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # they are refused below, by name
                output_loading_info=True,
            )
            check_loaded(source, module, report)
            return module.to(device), tokenizer
    except IstarError:
        raise
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise TargetMemoryError(f"{source} does not fit into the memory of {device}; use a smaller dtype") from error
    except Exception as error:  # a damaged file makes transformers raise anything
        if "trust_remote_code" in str(error):
            raise TargetError(
                f"{source} needs code that comes with it, and istar never runs a model's own code; use a model whose "
                "architecture is part of transformers"
            ) from error
        if "scaled_dot_product_attention" in str(error):
            raise UnknownArchitectureError(
                f"the attention of {source} (of type {config.model_type!r}) is more than a scaled dot product, as with "
                "soft caps or sinks; packed runs have none of that, so the architecture is not supported"
            ) from error
        raise TargetError(
            f"{source} cannot be loaded as a causal language model: {reason_of(error)}. Check the name, that the "
            "folder holds config.json and *.safetensors, and, for a hub id, the network"
        ) from error


def _check_memory(source: str, files: list[Path], dtype: torch.dtype, device: torch.device) -> None:
    needed, free = weight_bytes(files, dtype), available_memory(device)
    if needed > free:
        raise TargetMemoryError(
            f"the weights in {source} need {needed / 2**30:.1f} GiB as {dtype}, but {device} has "
            f"{free / 2**30:.1f} GiB free; use a smaller dtype (bfloat16) or a smaller model"
        )


def available_memory(device: torch.device) -> int:
    """Return how many bytes are free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil  # type: ignore[import-untyped]

    return int(psutil.virtual_memory().available)
