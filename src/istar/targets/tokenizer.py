"""Tokenizers of targets: loading one without the weights, and what it hashes to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from istar.errors import IstarError
from istar.files import checksum, storing
from istar.storage import Store, json_kind
from istar.targets.embedded import check_files
from istar.targets.errors import TargetError
from istar.targets.places import FOLDERS, TINY, folder_of
from istar.targets.quiet import quiet_transformers, reason_of

WEIGHTS = (".safetensors", ".bin", ".gguf", ".pt", ".pth", ".h5", ".msgpack", ".onnx")
"""How the names of files end that hold weights, and no part of a tokenizer."""
TOKENIZERS = json_kind(
    "tokenizers", code=("istar.targets.tokenizer",), libraries=("transformers", "tokenizers"), plugins=False
)
"""What the tokenizer in a folder hashes to."""


@dataclass(frozen=True)
class NamedTokenizer:
    """The tokenizer of a target that is known by name.

    Loading one takes transformers seconds, and what is remembered of questions is filed under its digest alone. So the
    digest of a folder's tokenizer is remembered under the content of the folder's files, and the tokenizer is loaded
    when somebody needs more of it.

    Attributes:
        name: see `istar.targets.load_target`.
    """

    name: str

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer; see `load_tokenizer`."""
        return load_tokenizer(self.name)

    @cached_property
    def tokenizer_digest(self) -> str:
        """What the tokenizer hashes to; see `tokenizer_digest`.

        Raises:
            TargetError: it is not remembered, and the tokenizer cannot be loaded.
            CorruptDataError: what is remembered is not what was written.
        """
        folder = None if self.name == TINY else _folder(self.name)
        if folder is None:
            return tokenizer_digest(self.tokenizer)
        return str(Store().obtain(TOKENIZERS, _content(folder), lambda: tokenizer_digest(self.tokenizer)))


def _folder(name_or_path: str) -> Path | None:
    """Return the folder of a target's files, which are what was written there; None for a hub id."""
    folder = FOLDERS.get(name_or_path)() if name_or_path in FOLDERS else folder_of(name_or_path)
    if folder is not None:
        check_files(folder)
    return folder


def _content(folder: Path) -> dict[str, str]:
    """Return a checksum of each file that may decide the tokenizer in a folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix not in WEIGHTS)
    with storing(folder, verb="read"):
        return {path.name: checksum(path.read_bytes()) for path in files}


def load_tokenizer(name_or_path: str) -> Any:
    """Return the tokenizer of a target without its weights.

    Args:
        name_or_path: see `load_target`.

    Raises:
        TargetError: there is no such target, or its files are not what they were.
    """
    if name_or_path == TINY:
        from istar.targets.tiny import byte_tokenizer

        return byte_tokenizer()
    folder = _folder(name_or_path)
    source = name_or_path if folder is None else str(folder)
    try:
        with quiet_transformers():
            return read_tokenizer(source)
    except IstarError:
        raise
    except Exception as error:  # it asks for code that comes with it to be run
        raise TargetError(f"the tokenizer of {source} cannot be loaded: {reason_of(error)}") from error


def read_tokenizer(source: str) -> Any:
    """Return the tokenizer of a folder or hub id.

    Raises:
        TargetError: it cannot be loaded.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise
        raise TargetError(
            f"the tokenizer of {source} cannot be loaded: {reason_of(error)}. Check its files (tokenizer.json and "
            "tokenizer_config.json, which tokenizer.save_pretrained writes), and, for a hub id, the network"
        ) from error


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
