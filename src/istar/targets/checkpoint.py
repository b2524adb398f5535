"""What lies in a model's folder, looked at before its weights are read, and what became of it afterwards.

Transformers loads what it can: tensors that a checkpoint lacks become random numbers, a quantisation that it does not
know is skipped, an adapter beside a model is applied or not, depending on what else is installed. Each gives values,
and they are another model's. So all of this is refused, by name.
"""

from __future__ import annotations

import json
import logging
import math
import re
import struct
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from istar.targets.errors import TargetError

if TYPE_CHECKING:
    import torch

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
VOCABULARIES = (
    "tokenizer.json", "tokenizer.model*", "vocab.json", "vocab.txt", "vocab.bpe", "spiece.model", "spm.model",
    "sentencepiece*.model", "tekken.json", "*.tiktoken",
)  # fmt: skip
"""Any of these holds the tokens of a tokenizer."""
MOST_BYTES_OF_A_HEADER = 100 * 10**6
"""The longest header that the safetensors format allows."""
SHOWN = 6
"""How many names an error shows."""
BUFFERS = re.compile(r"(rotary_emb\.\w+|inv_freq|attn\.(masked_)?bias|attention\.(masked_)?bias|position_ids)$")
"""Constants that older checkpoints hold beside the weights."""

_log = logging.getLogger(__name__)


def check_no_adapter(source: str, folder: Path | None) -> None:
    """Check that a model comes without a PEFT adapter.

    Args:
        source: the folder or hub id.
        folder: the folder, or None for a hub id.

    Raises:
        TargetError: there is one.
    """
    if folder is None:
        from transformers.utils import find_adapter_config_file

        found = [ADAPTERS[0]] if find_adapter_config_file(source) is not None else []
    else:
        found = [name for name in ADAPTERS if (folder / name).exists()]
    if found:
        raise TargetError(
            f"{source} holds a PEFT adapter ({found[0]}), which a model would be loaded with or without, depending on "
            "what is installed. Merge it into its model and load what that gives: "
            "PeftModel.from_pretrained(model, ADAPTER).merge_and_unload().save_pretrained(FOLDER); or move the "
            "adapter's files away to ask the model without it"
        )


def check_plain_weights(source: str, config: Any) -> None:
    """Check that a model's weights are stored as plain numbers, or are made such when they are read.

    Raises:
        TargetError: they are quantised.
    """
    stated = getattr(config, "quantization_config", None)
    stated = stated or getattr(config.get_text_config(decoder=True), "quantization_config", None)
    if not stated:
        return
    import transformers
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

    given: Mapping[str, Any] = stated if isinstance(stated, Mapping) else stated.to_dict()
    in_bits = given.get("load_in_8bit") or given.get("load_in_4bit")
    method = "bitsandbytes" if in_bits else str(getattr(given.get("quant_method"), "value", given.get("quant_method")))
    known = {name.removesuffix("_4bit").removesuffix("_8bit") for name in AUTO_QUANTIZATION_CONFIG_MAPPING}
    if method not in known:
        raise TargetError(
            f"{source} is quantised by {method!r} (quantization_config in config.json), which transformers "
            f"{transformers.__version__} does not know and would skip: its weights would be taken for what they are "
            f"not. It knows {', '.join(sorted(known))}; load the model as it was before quantisation"
        )
    if not given.get("dequantize"):
        raise _packed(source, method)


def _packed(source: str, method: str) -> TargetError:
    return TargetError(
        f"the weights of {source} are quantised by {method!r} and would stay packed: interventions change weights, "
        "gradients go through them, and some of these methods look at a whole batch. Dequantise it once, with "
        "transformers (model.dequantize()), save it and load that; or load the model as it was before quantisation"
    )


def check_vocabulary(folder: Path) -> None:
    """Check that a folder holds the tokens of a tokenizer; transformers would name none of the files it looks for.

    Raises:
        TargetError: it does not.
    """
    if not any(True for pattern in VOCABULARIES for _ in folder.glob(pattern)):
        raise TargetError(
            f"{folder} holds no tokenizer: neither tokenizer.json nor tokenizer.model nor vocab.json is there; save "
            "it beside the model, with tokenizer.save_pretrained"
        )


def weight_files(folder: Path, named: str | None = None) -> list[Path]:
    """Return the files that the weights of a folder are read from: what its index names, or the one file there is.

    Args:
        folder: the model's folder.
        named: the file that the configuration names for it, if any (`transformers_weights`).

    Raises:
        TargetError: there is none, or the index is damaged or names a file that is not there.
    """
    first = next((name for name in (named, WEIGHTS, INDEX) if name is not None and (folder / name).is_file()), None)
    if first is None:
        raise TargetError(
            f"{folder} holds no {named or WEIGHTS} and no {INDEX}; save the model there with save_pretrained"
        )
    if not first.endswith(".index.json"):
        return [folder / first]
    index = folder / first
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if not names or not all(isinstance(name, str) for name in names):
            raise TypeError("its weight_map names no files")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TargetError(
            f"the index {index} is damaged ({type(error).__name__}: {error}); save or download the model again"
        ) from error
    missing = sorted(name for name in names if not (folder / name).is_file())
    if missing:
        raise TargetError(
            f"the index {index} names files that are not there: {_listed(missing)}; download the model again"
        )
    return sorted(folder / name for name in names)


def weight_bytes(files: Iterable[Path], dtype: torch.dtype) -> int:
    """Return how many bytes the weights of safetensors files take up in a dtype, from their headers alone.

    Raises:
        TargetError: a file is damaged.
    """
    total = 0
    for file in files:
        try:
            with file.open("rb") as stream:
                (length,) = struct.unpack("<Q", stream.read(8))
                if length > MOST_BYTES_OF_A_HEADER:
                    raise ValueError(f"its header claims {length} bytes")
                header = json.loads(stream.read(length))
            shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
            total += sum(math.prod(shape) for shape in shapes) * dtype.itemsize
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, struct.error) as error:
            raise TargetError(
                f"the weights in {file} are damaged ({error}); save or download the model again"
            ) from error
    return total


def check_loaded(source: str, module: Any, report: Mapping[str, Collection[Any]]) -> None:
    """Check that every weight of a model was read, and warn of tensors in its files that are not used.

    Args:
        source: the folder or hub id.
        module: what was loaded.
        report: what transformers says of loading (`output_loading_info`).

    Raises:
        TargetError: a weight was not there, had another shape, or stayed packed.
    """
    kind = type(module).__name__
    unused = sorted(name for name in report["unexpected_keys"] if not BUFFERS.search(name))
    instead = f" Its files hold {_listed(unused)} instead." if unused else ""
    if report["missing_keys"]:
        raise TargetError(
            f"the weights of {source} lack {_listed(report['missing_keys'])} of a {kind}, which would be random "
            f"numbers.{instead} Save the whole model under its own names, or correct config.json (number of layers, "
            "tie_word_embeddings)"
        )
    if report["mismatched_keys"]:
        shapes = [f"{name} ({_by(found)} where {_by(wanted)} is needed)" for name, found, wanted in
                  sorted(report["mismatched_keys"])]  # fmt: skip
        raise TargetError(
            f"weights of {source} have other shapes than config.json says: {_listed(shapes)}, and would be random "
            "numbers; correct config.json, or save the model again"
        )
    if report["error_msgs"]:
        raise TargetError(f"the weights of {source} could not all be read: {_listed(report['error_msgs'])}")
    if getattr(module, "hf_quantizer", None) is not None:
        raise _packed(source, str(module.hf_quantizer.quantization_config.quant_method))
    if unused:
        _log.warning("%s holds tensors that a %s does not use: %s", source, kind, _listed(unused))


def _by(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))


def _listed(names: Collection[str]) -> str:
    """Return names in order, the first few of them."""
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(sorted(names)[:SHOWN]) + rest
