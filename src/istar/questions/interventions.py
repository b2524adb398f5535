"""Interventions: modifications of the target under which a run is made.

An intervention is pure data: a registered kind and JSON fields. How a kind is applied to weights or activations
lives with the targets (`istar.targets.interventions`), so that questions never touch a model. A question does not know
how many blocks a target has, so places in a network are given as `depth`, the share of blocks below it.
"""

from __future__ import annotations

import json
import math
from abc import ABC
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from istar.errors import IstarError
from istar.questions.jsonable import describes, frozen
from istar.registry import Registry

INTERVENTIONS: Registry[type[Intervention]] = Registry("intervention")


class InterventionError(IstarError):
    """An intervention whose fields make no sense."""


class Intervention(ABC):
    """Base class; a subclass is a frozen dataclass of JSON values, registered under `kind`."""

    kind: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Return the intervention as JSON values."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]

    @property
    def key(self) -> str:
        """A canonical text: runs with equal keys run under the same modified model."""
        return json.dumps(self.to_json(), sort_keys=True)

    @property
    def cost_key(self) -> str:
        """A text that two interventions share only if setting them up costs the same FLOPs on any target."""
        return self.key

    @property
    def texts(self) -> tuple[tuple[int, ...], ...]:
        """Sequences of tokens that the intervention is made from; none unless a kind says so."""
        return ()


@describes("intervention")
def intervention_from_json(data: dict[str, Any]) -> Intervention:
    """Return the intervention that `to_json` described.

    Raises:
        MalformedError: the values fit none.
        UnknownNameError: no intervention of that kind is registered.
    """
    kind = INTERVENTIONS.get(data["kind"])
    if kind is Composed:
        return Composed(tuple(intervention_from_json(part) for part in data["parts"]))
    return kind(**{key: frozen(value) for key, value in data.items() if key != "kind"})


def check_finite(kind: str, **numbers: float) -> None:
    """Check that strengths are finite numbers: whatever is computed under others is none."""
    for name, number in numbers.items():
        if not math.isfinite(number):
            raise InterventionError(f"the {name} of the intervention {kind!r} is {number}; give a finite number")


def check_tokens(kind: str, *sequences: tuple[int, ...]) -> None:
    """Check that no token is negative: it would be counted from the end of the vocabulary."""
    for token in (token for tokens in sequences for token in tokens):
        if token < 0:
            raise InterventionError(f"the intervention {kind!r} names token {token}; tokens are numbered from 0")


def check_depth(depth: float) -> None:
    """Check that a depth is a place in a network."""
    if not 0 <= depth < 1:
        raise InterventionError(f"depth {depth}: a place in the network is a share of its blocks, from 0 to below 1")


@INTERVENTIONS.register("composed")
@dataclass(frozen=True)
class Composed(Intervention):
    """Several interventions, one on top of the other.

    Attributes:
        parts: the first is applied first.
    """

    kind: ClassVar[str] = "composed"
    parts: tuple[Intervention, ...]

    def __post_init__(self) -> None:
        """Check that there is something to compose."""
        if not self.parts or any(isinstance(part, Composed) for part in self.parts):
            raise InterventionError("a composed intervention needs parts, none of them composed itself")

    def to_json(self) -> dict[str, Any]:
        """See the base class."""
        return {"kind": self.kind, "parts": [part.to_json() for part in self.parts]}

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return json.dumps([part.cost_key for part in self.parts])

    @property
    def texts(self) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return tuple(text for part in self.parts for text in part.texts)


@INTERVENTIONS.register("organism")
@dataclass(frozen=True)
class Organism(Intervention):
    """A model organism takes the target's place: its adapter is added to the target's weights.

    It is what a question is about, not something done to answer it, so setting it up costs nothing.

    Attributes:
        name: the organism's name in `istar.targets.organisms`.
        digest: SHA-256 of its adapter's tensors, so that another adapter makes another question.
    """

    kind: ClassVar[str] = "organism"
    name: str
    digest: str


@INTERVENTIONS.register("fine_tune")
@dataclass(frozen=True)
class FineTune(Intervention):
    """Steps of plain gradient descent on the mean loss of some sequences, from the target's own weights.

    No momentum, no randomness: the weights are a function of the fields. Only the matrices of blocks are changed.

    Attributes:
        sequences: tokens of each sequence, the beginning-of-sequence token first.
        starts: position of the first token that each sequence is trained on; its loss is their mean NLL.
        rate: learning rate.
        steps: how many steps, each on all sequences.
        depth: blocks below this depth stay as they are.
    """

    kind: ClassVar[str] = "fine_tune"
    sequences: tuple[tuple[int, ...], ...]
    starts: tuple[int, ...]
    rate: float
    steps: int = 1
    depth: float = 0.0

    def __post_init__(self) -> None:
        """Check that there is something to train on."""
        check_depth(self.depth)
        fits = all(1 <= start < len(tokens) for tokens, start in zip(self.sequences, self.starts, strict=True))
        if not self.sequences or not fits or self.steps < 1:
            raise InterventionError("a fine-tune needs sequences with a token to train on after the first, and a step")
        check_finite(self.kind, rate=self.rate)
        check_tokens(self.kind, *self.sequences)

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return json.dumps([self.kind, [*map(len, self.sequences)], self.starts, self.steps, self.depth])

    @property
    def texts(self) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return self.sequences


@INTERVENTIONS.register("steer")
@dataclass(frozen=True)
class Steer(Intervention):
    """A vector is added to the residual stream at every position: the difference between two prompts' last positions.

    Attributes:
        towards: tokens of the prompt whose stream the vector points to.
        away: tokens of the prompt that it points away from.
        scale: factor on the difference.
        depth: where the stream is read and changed.
    """

    kind: ClassVar[str] = "steer"
    towards: tuple[int, ...]
    away: tuple[int, ...]
    scale: float
    depth: float

    def __post_init__(self) -> None:
        """Check prompts, scale and depth."""
        if not (self.towards and self.away):
            raise InterventionError("steering needs two prompts of a token at least, to point towards and away from")
        check_tokens(self.kind, self.towards, self.away)
        check_finite(self.kind, scale=self.scale)
        check_depth(self.depth)

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return json.dumps([self.kind, len(self.towards), len(self.away), self.depth])

    @property
    def texts(self) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return self.towards, self.away


@INTERVENTIONS.register("weight_noise")
@dataclass(frozen=True)
class WeightNoise(Intervention):
    """Gaussian noise on every matrix of every block.

    Attributes:
        seed: decides the noise.
        scale: its standard deviation, in units of each matrix's own.
    """

    kind: ClassVar[str] = "weight_noise"
    seed: int
    scale: float

    def __post_init__(self) -> None:
        """Check the scale."""
        check_finite(self.kind, scale=self.scale)

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return self.kind


@INTERVENTIONS.register("ablate")
@dataclass(frozen=True)
class Ablate(Intervention):
    """The output of the attention or the MLP of one block is left out.

    Attributes:
        depth: which block.
        part: which of its parts.
    """

    kind: ClassVar[str] = "ablate"
    depth: float
    part: Literal["attention", "mlp"]

    def __post_init__(self) -> None:
        """Check depth and part."""
        check_depth(self.depth)
        if self.part not in ("attention", "mlp"):
            raise InterventionError(f"a block has no part {self.part!r}; ablate 'attention' or 'mlp'")


@INTERVENTIONS.register("prune")
@dataclass(frozen=True)
class Prune(Intervention):
    """The smallest weights of every matrix of every block are set to zero.

    The threshold is the magnitude of the n-th smallest weight, n = floor(share * weights), and every weight that does
    not exceed it goes: all ties too, so that no order among equal weights decides. Weights that were quantised have
    many ties, and more than the share of them goes.

    Attributes:
        share: which share of them at least, by magnitude.
    """

    kind: ClassVar[str] = "prune"
    share: float

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 <= self.share < 1:
            raise InterventionError(f"{self.share} of the weights cannot be pruned; give a share from 0 to below 1")

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return self.kind


@INTERVENTIONS.register("logit_bias")
@dataclass(frozen=True)
class LogitBias(Intervention):
    """A constant is added to the logits of some tokens.

    Attributes:
        tokens: which.
        bias: the constant, in nats.
    """

    kind: ClassVar[str] = "logit_bias"
    tokens: tuple[int, ...]
    bias: float

    def __post_init__(self) -> None:
        """Check tokens and bias."""
        check_tokens(self.kind, self.tokens)
        check_finite(self.kind, bias=self.bias)

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return self.kind


@INTERVENTIONS.register("temperature")
@dataclass(frozen=True)
class Temperature(Intervention):
    """All logits are divided by a temperature.

    Attributes:
        value: the temperature, above 0.
    """

    kind: ClassVar[str] = "temperature"
    value: float

    def __post_init__(self) -> None:
        """Check the temperature."""
        if not self.value > 0:
            raise InterventionError(f"a temperature of {self.value}; it must be above 0")

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return self.kind
