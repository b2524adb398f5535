"""The contract between a method and the rest of istar: what a method file defines, what it returns, how it fails.

A method is a plain Python file with `interpret`, `predict` and, if it needs it, `prepare`. Nothing in these
signatures names a task, so a method written on some families of questions applies unchanged to others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy  # noqa: F401  (before torch, which would swallow an interrupt that comes while it imports it)
import safetensors
import torch
from jaxtyping import Float
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import Parameter

from istar.errors import IstarError
from istar.questions import QuestionView, Run

if TYPE_CHECKING:
    from istar.targets.corpus import Corpus
    from istar.targets.target import Target

JSON: TypeAlias = Any
"""What `json` can write: None, booleans, numbers, text, and lists and string-keyed dictionaries of them."""

INTERPRETATION_BYTES_LIMIT = 32 * 2**20
"""The most bytes an interpretation may take; a lookup table of a model's behaviour does not fit."""

_METADATA_KEY = "istar_data"
_TOO_DEEP = "interpretation data is nested too deeply: store lists of numbers flat, or in a tensor"


class MethodError(IstarError):
    """A method that breaks the contract, or raised an error of its own while it ran."""


@dataclass(frozen=True)
class Interpretation:
    """What `interpret` learned about a target: named tensors and JSON, and nothing else.

    Attributes:
        tensors: by name; any dtype that safetensors stores.
        data: JSON values.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    data: JSON = None

    def to_bytes(self) -> bytes:
        """Return the interpretation in the safetensors format, the JSON in its metadata.

        Raises:
            MethodError: it holds something that is neither a tensor nor JSON, or is too large.
        """
        if not isinstance(self.tensors, dict):
            raise MethodError(
                f"the first part of an Interpretation is a dictionary of tensors by name, not a "
                f"{type(self.tensors).__name__}; write Interpretation({{'name': tensor}}, data)"
            )
        named = dict(dict.items(self.tensors))  # of a class of the method's too, without running its code
        for name, tensor in named.items():
            if not isinstance(name, str) or not isinstance(tensor, Tensor):
                raise MethodError(
                    f"interpretation tensors must be tensors under text names; {name!r} holds a "
                    f"{type(tensor).__name__}; put plain numbers and texts into `data`"
                )
            wrong = why_unreadable(tensor)
            if wrong:
                raise MethodError(f"interpretation tensors must be plain numbers; {name!r} is {wrong}")
            if name == "__metadata__" or not _is_text(name):
                raise MethodError(f"no interpretation tensor can be called {name!r}; call it by letters and digits")
        try:
            text = json.dumps(self.data, sort_keys=True, allow_nan=False)
        except RecursionError:
            raise MethodError(_TOO_DEEP) from None
        except Exception as error:  # a dictionary of a class of the method's runs its code
            raise MethodError(
                "interpretation data must be JSON (None, booleans, finite numbers, text, lists, dictionaries): "
                f"{text_of(error)}"
            ) from error
        _check_size(len(text) + sum(len(name) + each.numel() * each.element_size() for name, each in named.items()))
        try:
            tensors = {name: named[name].detach().cpu().contiguous().clone() for name in sorted(named)}
            return save(tensors, metadata={_METADATA_KEY: text})
        except (KeyError, RuntimeError, NotImplementedError, safetensors.SafetensorError) as error:
            kinds = ", ".join(sorted({str(each.dtype) for each in named.values()}))
            raise MethodError(
                f"the interpretation's tensors ({kinds}) cannot be stored: {text_of(error)}; keep plain numbers, such "
                "as float32"
            ) from error

    @classmethod
    def from_bytes(cls, content: bytes) -> Interpretation:
        """Return the interpretation that `to_bytes` wrote.

        Raises:
            MethodError: the bytes are too many or are not an interpretation.
        """
        _check_size(len(content) - 2**20)  # the header comes on top of what the limit is about
        try:
            tensors = load(content)
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            data = json.loads(header["__metadata__"][_METADATA_KEY])
        except RecursionError:  # whoever wrote it may have been allowed a deeper stack
            raise MethodError(_TOO_DEEP) from None
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
            raise MethodError(f"these {len(content)} bytes are not an interpretation: {error}") from error
        return cls(tensors, data)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the serialised interpretation, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def text_of(error: BaseException, limit: int = 2000) -> str:
    """Return what an error says that a method's code raised, cut; asking it may run that code, which may fail too."""
    try:
        return str(error)[:limit]
    except Exception:
        return "(an error that cannot say what it is)"


def _is_text(name: str) -> bool:
    """Return whether a name can be written down: half of a surrogate pair cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def why_unreadable(tensor: Tensor) -> str | None:
    """Return why the numbers in a tensor of a method cannot be read without running its code, or None if they can.

    A class that a method derives from `Tensor` is refused: its methods would run when we read it, unmetered.
    """
    if type(tensor) not in (Tensor, Parameter):
        return f"a {type(tensor).__name__}, a tensor of another class; return a plain tensor, such as `0 + it`"
    if tensor.device.type == "meta":
        return "a tensor without numbers (device 'meta'); compute it on the target's device"
    if tensor.layout != torch.strided:
        return f"a tensor of layout {tensor.layout}; call `.to_dense()`"
    return None


def _check_size(size: int) -> None:
    if size > INTERPRETATION_BYTES_LIMIT:
        raise MethodError(
            f"the interpretation takes {size / 2**20:.1f} MiB; the limit is {INTERPRETATION_BYTES_LIMIT / 2**20:.0f} "
            "MiB: keep what the target's mechanism needs (a lens, a basis), not a table of its outputs"
        )


class InterpretFunction(Protocol):
    """`interpret`: once per target, task-agnostic, not charged; its FLOPs, seconds and bytes are shown."""

    def __call__(self, target: Target, corpus: Corpus) -> Interpretation:
        """Return what the method learns about the target from generic text."""


class PrepareFunction(Protocol):
    """`prepare`: optional, once per question, charged; its result is handed to every `predict`."""

    def __call__(self, question: QuestionView, target: Target, interpretation: Interpretation) -> Any:
        """Return whatever `predict` can use: one pass over the full context, one gradient, ..."""


class PredictFunction(Protocol):
    """`predict`: once per batch of runs, charged."""

    def __call__(
        self, question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, prepared: Any
    ) -> Float[Tensor, "runs channels"]:
        """Return numbers that say how the target will behave on these runs; 0 channels is "nothing to say"."""
