"""Which components of an interpretation the channels of each task use: ablate one, and see which channels change.

A component is a block of numbers: a tensor, cut along its first axis into at most `BLOCKS` parts. Ablated, all of its
numbers are their mean, or 0 where they are that already. What a method says of a task's rows is compared with and
without, channel by channel, in standard deviations over the rows: a component that decides a channel changes it by
about one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
import torch
from jaxtyping import Float

from istar.methods.contract import Interpretation, MethodError
from istar.methods.recording import Recording
from istar.scenarios.evidence import Evidence, mean_of, missing

BLOCKS = 8
"""Parts of one tensor."""
MOST = 32
"""Components of one interpretation; tensors with most numbers first."""
USED = 2.0**-6
"""A change of channels by less, in standard deviations, is no use of a component."""


@dataclass(frozen=True)
class Component:
    """A block of an interpretation's numbers.

    Attributes:
        tensor: its name.
        start, stop: the block along the first axis.
    """

    tensor: str
    start: int
    stop: int

    def __str__(self) -> str:
        """Return how it is called."""
        return f"{self.tensor}[{self.start}:{self.stop}]"


@dataclass(frozen=True)
class Uses:
    """What the components of an interpretation do to what a method says of tasks.

    Attributes:
        components: their names.
        tasks: the tasks of which it says anything.
        effects: root mean square of the change of its channels without each component, in standard deviations of the
            channels, at most 1.
    """

    components: tuple[str, ...]
    tasks: tuple[str, ...]
    effects: Float[np.ndarray, "tasks components"]


def components_of(interpretation: Interpretation) -> tuple[Component, ...]:
    """Return the components of an interpretation, none of whole numbers: these are often places and not amounts."""
    tensors = sorted(interpretation.tensors.items(), key=lambda each: (-each[1].numel(), each[0]))
    found = []
    for name, tensor in tensors:
        if tensor.is_floating_point() and tensor.numel():
            rows = tensor.shape[0] if tensor.dim() else 1
            edges = np.unique(np.linspace(0, rows, min(rows, BLOCKS) + 1).astype(int)).tolist()
            found += [Component(name, start, stop) for start, stop in pairwise(edges)]
    return tuple(found[:MOST])


def ablated(interpretation: Interpretation, component: Component) -> Interpretation:
    """Return an interpretation in which all numbers of a component are their mean, or 0 where they are that already."""
    tensor = interpretation.tensors[component.tensor].clone()
    block = tensor[component.start : component.stop] if tensor.dim() else tensor
    mean = torch.full_like(block, float(block.double().mean()))
    block.copy_(torch.zeros_like(block) if torch.allclose(block, mean) else mean)
    return replace(interpretation, tensors={**interpretation.tensors, component.tensor: tensor})


def uses_of(interpretation: Interpretation, record: Mapping[str, Callable[[Interpretation], Recording]]) -> Uses:
    """Return what each component does to what a method says of each task.

    Args:
        interpretation: what the method learned.
        record: by task, returns what the method says of some rows with an interpretation in its place, or raises a
            `MethodError`: then the component decides everything there.
    """
    components = components_of(interpretation)
    tasks, effects = [], []
    for task, said in record.items():
        exact = _channels(said(interpretation))
        if exact.size and exact.std(axis=0).any():
            tasks.append(task)
            effects.append(list(_effects(exact, interpretation, components, said)))
    shape = (len(tasks), len(components))
    return Uses(tuple(map(str, components)), tuple(tasks), np.array(effects, dtype=np.float64).reshape(shape))


def _effects(
    exact: Float[np.ndarray, "rows channels"],
    interpretation: Interpretation,
    components: Sequence[Component],
    said: Callable[[Interpretation], Recording],
) -> Iterator[float]:
    spread = exact.std(axis=0)
    for component in components:
        try:
            without = _channels(said(ablated(interpretation, component)))
        except MethodError:
            yield 1.0
            continue
        if without.shape != exact.shape:
            yield 1.0
            continue
        changed = np.sqrt(((without - exact) ** 2).mean(axis=0))[spread > 0] / spread[spread > 0]
        yield float(min(1.0, changed.max()))


def sharing(uses: Uses) -> Evidence:
    """Return how alike tasks use the components: the cosine of the rows of effects, mean over pairs of tasks.

    1 where all tasks stand on the same components, in the same proportions: one level of analysis; 0 where each has its
    own.
    """
    name = "sharing"
    effects = np.where(uses.effects >= USED, uses.effects, 0.0)
    used = effects.any(axis=0)
    speaking = [task for task, row in zip(uses.tasks, effects, strict=True) if row.any()]
    about = {"tasks": list(uses.tasks), "components": list(uses.components), "effects": uses.effects.tolist()}
    if len(speaking) < 2 or used.sum() < 2:
        return missing(
            name,
            f"{len(speaking)} of its tasks use {int(used.sum())} of {len(uses.components)} components of the "
            "interpretation; it takes two of each to tell whether they are shared",
            **about,
        )
    rows = effects[effects.any(axis=1)]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    shared = (effects > 0).sum(0)[used] > 1
    about["components_used_by_several_tasks"] = float(shared.mean())
    return mean_of(name, [float(rows[a] @ rows[b]) for a, b in combinations(range(len(rows)), 2)], about)


def _channels(recording: Recording) -> Float[np.ndarray, "rows channels"]:
    batches = [each.channels for each in recording.batches]
    return np.concatenate(batches).astype(np.float64) if batches else np.zeros((0, 0))
