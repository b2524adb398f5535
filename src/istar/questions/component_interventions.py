"""Interventions on one component: a head, the matrices of an attention or MLP, one map that is edited.

A question does not know how many blocks or heads a target has, so both are given as shares: every target has the place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar, Literal

from istar.questions.interventions import (
    INTERVENTIONS,
    Intervention,
    InterventionError,
    check_depth,
    check_finite,
    check_tokens,
)


@INTERVENTIONS.register("ablate_head")
@dataclass(frozen=True)
class AblateHead(Intervention):
    """The output of one attention head of one block is left out, before the output projection.

    Attributes:
        depth: which block.
        head: which head, as the share of the block's heads before it, from 0 to below 1.
    """

    kind: ClassVar[str] = "ablate_head"
    depth: float
    head: float

    def __post_init__(self) -> None:
        """Check depth and head."""
        check_depth(self.depth)
        if not 0 <= self.head < 1:
            raise InterventionError(f"head {self.head}: a head is a share of a block's heads, from 0 to below 1")

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return json.dumps([self.kind, self.depth])


@INTERVENTIONS.register("quantise")
@dataclass(frozen=True)
class Quantise(Intervention):
    """The matrices of the attention or the MLP of one block are rounded to few bits.

    Rounding is symmetric and to nearest, with one scale for the weights of each output: a weight w becomes
    s * round(w / s), where s is the greatest |w| of its output over 2^(bits - 1) - 1.

    Attributes:
        depth: which block.
        part: which of its parts.
        bits: bits of a weight, from 2 to 8.
    """

    kind: ClassVar[str] = "quantise"
    depth: float
    part: Literal["attention", "mlp"]
    bits: int

    def __post_init__(self) -> None:
        """Check depth, part and bits."""
        check_depth(self.depth)
        if self.part not in ("attention", "mlp"):
            raise InterventionError(f"a block has no part {self.part!r}; quantise 'attention' or 'mlp'")
        if self.bits not in range(2, 9):
            raise InterventionError(f"weights of {self.bits} bits; give a whole number from 2 to 8")

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return json.dumps([self.kind, self.depth, self.part])


@INTERVENTIONS.register("edit")
@dataclass(frozen=True)
class Edit(Intervention):
    """A rank-one edit of the output map of one block's MLP, which raises one token over another after a subject.

    With W the map's weights, k the mean of its inputs at the last tokens of the subjects, m its output at k and d the
    difference of the unembedding rows of both tokens, of unit norm:

        W' = W + strength * |m| * d k^T / |k|^2

    so that at k the output moves along d by `strength` times its own norm. It has the form of the rank-one update of
    ROME, W' = W + L (C^-1 k)^T with L proportional to v - W k (Meng et al., Locating and editing factual associations
    in GPT, 2022, equation 2), with the identity for the covariance C of inputs, and a direction that is read off
    the unembedding where ROME optimises the value v.

    Attributes:
        subjects: tokens of each prompt that ends with the subject, the beginning-of-sequence token first.
        wanted: the token that is raised.
        known: the token that it is raised over.
        depth: which block.
        strength: how far the output moves, in units of its norm.
    """

    kind: ClassVar[str] = "edit"
    subjects: tuple[tuple[int, ...], ...]
    wanted: int
    known: int
    depth: float
    strength: float

    def __post_init__(self) -> None:
        """Check prompts, tokens, depth and strength."""
        if not self.subjects or not all(self.subjects):
            raise InterventionError("an edit needs a prompt that ends with the subject, of a token at least")
        if self.wanted == self.known:
            raise InterventionError(f"an edit from token {self.known} to itself; give two different tokens")
        check_tokens(self.kind, (self.wanted, self.known), *self.subjects)
        check_depth(self.depth)
        check_finite(self.kind, strength=self.strength)

    @property
    def cost_key(self) -> str:
        """See the base class."""
        return json.dumps([self.kind, [*map(len, self.subjects)], self.depth])

    @property
    def texts(self) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return self.subjects
