"""The researcher that keeps a map of elites: the best method of every kind, from which new ones are bred.

Source: MAP-Elites, Mouret and Clune, "Illuminating search spaces by mapping elites" (2015). The map's two dimensions
are what recording a method costs, and what the method is good for. So a method that is cheap and mediocre, or good on
one family alone, is kept beside the best one and goes on being varied, where a search for the highest mean would drop
it.

The map is made from what was told whenever it is needed, so that a search that was killed is resumed by telling the
same again. It begins, as the grammar researcher does, with each primitive alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from istar.researchers.feedback import Feedback
from istar.researchers.grammar.drawing import LEARNED_ATTEMPTS, SentenceResearcher, draw_blindly
from istar.researchers.grammar.variation import Fresh, Mutation, Recombination, Variation
from istar.researchers.researcher import (
    MOST,
    RESEARCHERS,
    Proposal,
    ResearcherError,
    check_option,
)
from istar.seeds import Seed

LEAST_COST = 2.0**-12
"""The share of brute force below which all methods are equally cheap."""


@dataclass(frozen=True)
class Cell:
    """A kind of method.

    Attributes:
        cost: number of the bin of its cost, the cheapest being 0; None where the cost is not known.
        profile: the family it does best on in training; where families are not known, the kinds of its primitives.
    """

    cost: int | None
    profile: tuple[str, ...]


@dataclass(frozen=True)
class Elite:
    """The best method of a cell.

    Attributes:
        proposal: the method.
        reward: its training reward.
    """

    proposal: Proposal
    reward: float


@RESEARCHERS.register("evolve")
class EvolveResearcher(SentenceResearcher):
    """MAP-Elites over sentences of the grammar; parents are drawn uniformly from the cells that are taken.

    Args:
        warm_up: how many proposals are made before parents are drawn; the first of them are the primitives, each alone.
            By default just these.
        mutation: share of later proposals that vary one elite; 0 to 1.
        recombination: share of later proposals that combine two; what the two shares leave is drawn afresh.
        words: the primitives that sentences are made of; None for all.
        cost_bins: into how many bins the logarithm of the cost is divided, from `LEAST_COST` to all of brute force.
    """

    name: ClassVar[str] = "evolve"

    def __init__(
        self,
        warm_up: int | None = None,
        mutation: float = 0.5,
        recombination: float = 0.3,
        cost_bins: int = 6,
        words: Sequence[str] | None = None,
    ) -> None:
        """See the class docstring."""
        super().__init__(words)
        warm_up = len(self.words) if warm_up is None else warm_up
        check_option(self, "warm_up", warm_up, 0, MOST)
        check_option(self, "mutation", mutation, 0.0, 1.0)
        check_option(self, "recombination", recombination, 0.0, 1.0)
        check_option(self, "cost_bins", cost_bins, 1, 100)
        if mutation + recombination > 1 + 1e-9:
            raise ResearcherError(
                f"the shares mutation and recombination of the {self.name} researcher must add up to at most 1, not "
                f"{mutation + recombination:g}"
            )
        self.warm_up = warm_up
        self.cost_bins = cost_bins
        self.shares: tuple[tuple[Variation, float], ...] = (
            (Mutation(self.words), mutation),
            (Recombination(), recombination),
            (Fresh(self.words), max(0.0, 1 - mutation - recombination)),
        )

    def archive(self) -> dict[Cell, Elite]:
        """Return the best method of every cell, of those that came through training.

        Of equals it is the latest: the neighbours of one that stays are soon all known, and nothing more comes of it.
        """
        elites: dict[Cell, Elite] = {}
        for proposal, feedback in self.told:
            if feedback.reward is None or feedback.stage == "screen":
                continue  # a reward in the screen cannot be compared with one in training
            cell = self._cell(proposal, feedback)
            if cell not in elites or feedback.reward >= elites[cell].reward:
                elites[cell] = Elite(proposal, feedback.reward)
        return elites

    def _cell(self, proposal: Proposal, feedback: Feedback) -> Cell:
        cost = None if feedback.cost is None else self._cost_bin(feedback.cost)
        if feedback.families:
            return Cell(cost, (max(sorted(feedback.families), key=lambda family: feedback.families[family]),))
        return Cell(cost, tuple(sorted({channel["kind"] for channel in proposal.parameters["sentence"]})))

    def _cost_bin(self, cost: float) -> int:
        share = 1 - math.log(max(cost, LEAST_COST)) / math.log(LEAST_COST)
        return min(int(share * self.cost_bins), self.cost_bins - 1)

    def _compose(self, seed: Seed) -> Proposal:
        elites = list(self.archive().values())
        return self._first_new(
            lambda attempt: self._vary(elites if attempt < LEARNED_ATTEMPTS else [], seed.split("attempt", attempt)),
        )

    def _vary(self, elites: list[Elite], seed: Seed) -> Proposal:
        if len(self.made) < self.warm_up:
            return draw_blindly(seed, self._alone(seed), words=self.words, variation=Fresh.name)
        generator = seed.split("variation").generator()
        variations, shares = zip(*self.shares, strict=True)
        variation: Variation = variations[int(generator.choice(len(shares), p=shares))]
        if variation.parents > len(elites):
            variation = Fresh(self.words)
        chosen = generator.permutation(len(elites))[: variation.parents]
        return variation.vary([elites[place].proposal for place in chosen], seed)
