"""Adapters: what an organism adds to its base's weights, as LoRA factors in half precision.

To the weight W [out, in] of some linear maps an adapter adds `scaling * B @ A`, with A [rank, in] and B [out, rank]
("LoRA: Low-Rank Adaptation of Large Language Models", Hu et al. 2021). Its identity is a digest of the tensors, so
that a file that was changed is refused and a stored question names exactly one organism.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from istar.targets.errors import TargetError
from istar.targets.organisms.registry import ADAPTER_FILE, ORGANISMS, card
from istar.targets.target import Target


@dataclass(frozen=True)
class Factors:
    """The two factors of one linear map's change.

    Attributes:
        a: maps the input to the rank, in float16.
        b: maps the rank to the output, in float16.
    """

    a: Float[Tensor, "rank inputs"]
    b: Float[Tensor, "outputs rank"]


@dataclass(frozen=True)
class Adapter:
    """The change of all linear maps of one organism.

    Attributes:
        factors: by the module's name.
        scaling: factor on every product.
        base: id of the target that the adapter belongs to.
        base_name: the name of that target.
    """

    factors: Mapping[str, Factors]
    scaling: float
    base: str
    base_name: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 of scaling and tensors, 64 hexadecimal digits."""
        digest = hashlib.sha256(json.dumps(self.scaling).encode())
        for name, tensor in sorted(self._tensors().items()):
            digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
            digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def merged(self, target: Target) -> dict[str, Tensor]:
        """Return the changed weights, by the parameter's name; the target's own stay as they are.

        Products are taken in float32 and added in the weights' type.

        Raises:
            TargetError: the target is not the one the adapter belongs to, or lacks a matrix of the right shape.
        """
        if target.id != self.base:
            raise TargetError(
                f"the adapter belongs to {self.base_name} in float32 (id {self.base[:12]}), not to {target.name} (id "
                f"{target.id[:12]}); load the base with load_target({self.base_name!r})"
            )
        parameters = dict(target.module.named_parameters())
        merged: dict[str, Tensor] = {}
        for name, factors in self.factors.items():
            weight = parameters.get(f"{name}.weight")
            shape = (factors.b.shape[0], factors.a.shape[1])
            if weight is None or tuple(weight.shape) != shape:
                raise TargetError(
                    f"the adapter changes a matrix {name}.weight of shape {shape}; {target.name} has none"
                )
            change = self.scaling * (factors.b.float() @ factors.a.float())
            merged[f"{name}.weight"] = weight.data + change.to(weight.device, weight.dtype)
        return merged

    def save(self, folder: Path) -> None:
        """Write the adapter to an organism's folder."""
        from safetensors.torch import save_file

        facts = {"scaling": json.dumps(self.scaling), "base": self.base, "base_name": self.base_name}
        save_file(self._tensors(), folder / ADAPTER_FILE, metadata=facts)
        (folder / ADAPTER_FILE).chmod(0o644)  # methods run under another user

    def _tensors(self) -> dict[str, Tensor]:
        sides = ((name, side, getattr(factors, side)) for name, factors in self.factors.items() for side in "ab")
        return {f"{name}.{side}": tensor.contiguous() for name, side, tensor in sides}


def read_adapter(folder: Path) -> Adapter:
    """Return the adapter in an organism's folder.

    Raises:
        TargetError: there is none, or the file holds something else.
    """
    from safetensors import SafetensorError, safe_open

    file = folder / ADAPTER_FILE
    try:
        with safe_open(file, framework="pt") as stored:
            facts = stored.metadata() or {}
            names = sorted({name.rpartition(".")[0] for name in stored.keys()})  # noqa: SIM118 (it is no mapping)
            factors = {name: Factors(*(stored.get_tensor(f"{name}.{side}") for side in "ab")) for name in names}
        return Adapter(factors, float(json.loads(facts["scaling"])), facts["base"], facts["base_name"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise TargetError(f"{file} is not the adapter of an organism ({error}); build the organism again") from error


def load_adapter(name: str, digest: str | None = None) -> Adapter:
    """Return the adapter of an organism, after checking that it is the one its card describes.

    Args:
        name: the organism's name.
        digest: what the adapter's digest has to be; the card's if None.

    Raises:
        UnknownNameError: no organism has this name.
        TargetError: the adapter cannot be read or is another one.
    """
    adapter = read_adapter(ORGANISMS.get(name).folder)
    expected = digest or card(name).digest
    if adapter.digest != expected:
        raise TargetError(
            f"the adapter of the organism {name!r} has the digest {adapter.digest[:12]}, but {expected[:12]} is asked "
            "for: it was built again or changed, so make the question anew or restore the file"
        )
    return adapter
