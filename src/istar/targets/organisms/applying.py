"""How an organism takes its base's place.

Merged weights stand in for the base's and make way again, so undoing is exact. An organism is what a question is
about and not a step of answering it: no meter sees the merge.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING
from weakref import ref

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from istar.questions.interventions import Organism
from istar.targets.appliers import replaced
from istar.targets.interventions import APPLIERS
from istar.targets.organisms.adapters import load_adapter

if TYPE_CHECKING:
    from istar.targets.target import Target

KEPT = 1
"""How many merged organisms are kept; one of the embedded target takes about 80 to 120 MB."""


@dataclass(frozen=True)
class _Merged:
    """Merged weights, and what they were made of.

    Attributes:
        module: the model, as long as it lives.
        sources: the address of each weight that was changed; another intervention may have put others there since.
        weights: the merged weights, by the parameter's name.
    """

    module: ref[torch.nn.Module]
    sources: dict[str, int]
    weights: dict[str, Tensor]

    def fits(self, target: Target) -> bool:
        """Whether merging anew would give the same."""
        if self.module() is not target.module:
            return False
        parameters = dict(target.module.named_parameters())
        return all(parameters[name].data_ptr() == address for name, address in self.sources.items())


_kept: OrderedDict[tuple[str, str, str, int], _Merged] = OrderedDict()
_LOCK = Lock()
"""Held while `_kept` is looked into or changed: threads with targets of their own share it."""


def merged_weights(target: Target, organism: Organism) -> dict[str, Tensor]:
    """Return the weights that an organism has in the place of its base's, by the parameter's name.

    The last organism is kept, so that going back and forth between it and its base costs nothing.

    Raises:
        UnknownNameError: no organism has this name.
        TargetError: the adapter is another one than asked for, or belongs to another target.
    """
    key = (organism.name, organism.digest, target.id, id(target.module))
    with _LOCK:
        known = _kept.get(key)
        if known is not None and known.fits(target):
            _kept.move_to_end(key)
            return known.weights
    with _disable_current_modes(), torch.inference_mode(False), torch.no_grad():
        weights = load_adapter(organism.name, organism.digest).merged(target)
    parameters = dict(target.module.named_parameters())
    with _LOCK:
        _kept[key] = _Merged(ref(target.module), {name: parameters[name].data_ptr() for name in weights}, weights)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return weights


@APPLIERS.register("organism")
@contextmanager
def _organism(target: Target, intervention: Organism) -> Iterator[None]:
    weights = merged_weights(target, intervention)
    with replaced(target, weights):
        yield
