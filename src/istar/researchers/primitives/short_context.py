"""Reading with a short memory: each run is cut to its last tokens before it is run, and read at a depth.

What a model says is mostly decided nearby (Khandelwal et al., "Sharp Nearby, Fuzzy Far Away", 2018); cutting the
context is cheaper than cutting layers, and fails in other places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from istar.questions import Run
from istar.researchers.primitives.lens import layer_at
from istar.researchers.primitives.primitive import PRIMITIVES, Primitive, choice

if TYPE_CHECKING:
    from istar.targets import Target


def cut_run(run: Run, memory: int) -> Run:
    """Return a run without what stands more than `memory` tokens before its scored span; its first token stays."""
    readout: Any = run.readout
    start: int = getattr(readout, "start", 0)
    removed = start - 1 - memory
    if removed <= 0:
        return run
    tokens = run.tokens[:1] + run.tokens[1 + removed :]
    return replace(run, tokens=tokens, readout=replace(readout, start=start - removed))


def short_context_reading(target: Target, runs: Sequence[Run], memory: int, depth: float) -> Tensor:
    """Return each run's readout, at a depth, with only the last tokens of its context, [runs, 1]."""
    short = [cut_run(run, memory) for run in runs]
    return target.read(short, target.run(short, upto=layer_at(target, depth))).unsqueeze(-1)


@PRIMITIVES.register("short_context")
@dataclass(frozen=True)
class ShortContext(Primitive):
    """The readout of runs cut to their last tokens, at a depth."""

    kind: ClassVar[str] = "short_context"
    functions: ClassVar[tuple[Callable[..., object], ...]] = (layer_at, cut_run, short_context_reading)
    memory: int = choice(8, 16, 32, 64)
    depth: float = choice(0.9, 1.0)

    @property
    def title(self) -> str:
        """See the base class."""
        return f"the run with the last {self.memory} tokens of its context only, at {self.depth} of the depth"

    @property
    def short(self) -> str:
        """See the base class."""
        return f"short{self.memory}"

    def predict_call(self, slot: int) -> str:
        """See the base class."""
        return f"short_context_reading(target, runs, memory={self.memory}, depth={self.depth})"
