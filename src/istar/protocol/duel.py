"""The duel: red modifies the target, blue's methods are asked where something is hidden, and both learn.

A round reads as the source document's game. Red draws moves, which are trained; one that misses its claims is lost by
forfeit. The others are hidden in line-ups, among decoys. Blue draws methods, which are scored on these by the reward
of the protocol. Red pays what blue earns. Then both players' parameters are moved by policy gradient: blue's by what
its methods earned on shown kinds of moves, red's by what its moves paid to shown methods. After the last round every
method meets every move, so that mixtures can be held against best responses, on what was shown and on what was not.

Everything that was done is written to the ledger and found there again: a duel that is killed goes on from there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from istar.duel.moves import MoveRecipe
from istar.duel.players import PARTS, Blue, Drawn, Part, Red
from istar.ledger import MoveRecord
from istar.protocol.book import Book
from istar.protocol.duel_settings import DuelConfig
from istar.researchers import Proposal
from istar.seeds import Seed

if TYPE_CHECKING:
    from istar.duel.detection import Scores


@dataclass(frozen=True)
class Made:
    """A move that was trained, or found trained.

    Attributes:
        recipe: what red chose.
        name: the organism's name.
        decoys: the names of the models that stand beside it.
        adapter: SHA-256 of its tensors.
        steps: how many its training took.
        missed: the claims that it misses, and by how much; empty for a sound move.
    """

    recipe: MoveRecipe
    name: str
    decoys: tuple[str, ...]
    adapter: str
    steps: int
    missed: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a method earned on the moves of one part of a round.

    Attributes:
        earned: the mean reward over the questions about each move, by the move's hash.
        scores: of the models of each question, by the executor's answers with the method.
        failure: why it failed, empty if it did not; it is in none of the above then.
    """

    earned: Mapping[str, float] = field(default_factory=dict)
    scores: tuple[tuple[str, Scores], ...] = ()
    failure: str = ""


class Bench(Protocol):
    """Where methods are asked about the line-ups of some rounds."""

    def hear(self, number: int, part: Part, method: Proposal) -> Verdict:
        """Return what a method earned on the moves of one part of a round."""

    def without(self, number: int, part: Part) -> tuple[tuple[str, Scores], ...]:
        """Return the scores of the models of each question by the executor's answers without a method, by move."""


class Court(Protocol):
    """Where moves are made and methods heard."""

    def make(self, recipe: MoveRecipe) -> Made:
        """Train a move and its decoys, or find them trained."""

    def sit(self, moves: Mapping[tuple[int, Part], Sequence[Made]], hear: Callable[[Bench], None]) -> None:
        """Put the moves of some rounds into line-ups, and let methods be heard on them."""


@dataclass
class Round:
    """One round.

    Attributes:
        number: from 0.
        moves: what red drew, by part.
        made: what became of it.
        methods: what blue drew, by part.
        paid: what red paid to each method, by the moves' and the methods' hashes.
        red: red as it was before the round.
        blue: blue as it was before it.
    """

    number: int
    moves: dict[Part, list[Drawn[MoveRecipe]]]
    made: dict[Part, list[Made]]
    methods: dict[Part, list[Drawn[Proposal]]]
    paid: dict[tuple[str, str], float]
    red: Red
    blue: Blue

    def sound(self, part: Part) -> list[Made]:
        """Return the different moves of a part that keep their claims, in the order in which they were drawn."""
        return list({each.recipe.hash: each for each in self.made[part] if not each.missed}.values())


@dataclass(frozen=True)
class Fought:
    """A duel that was fought to its end.

    Attributes:
        rounds: its rounds.
        red: red after the last of them.
        blue: blue after the last of them.
        moves: every different move, by part and hash, in the order in which they came.
        methods: every different method likewise.
        paid: what each move pays each method: over all rounds in which it stood, or the forfeit.
        scores: of every question by method, by part; "" stands for no method.
        failures: why methods failed, by hash.
    """

    rounds: tuple[Round, ...]
    red: Red
    blue: Blue
    moves: dict[Part, dict[str, Made]]
    methods: dict[Part, dict[str, Proposal]]
    paid: dict[tuple[str, str], float]
    scores: dict[tuple[Part, str], list[Scores]]
    failures: dict[str, str]


class Duel:
    """One duel.

    Args:
        config: its settings.
        red: who draws moves.
        blue: who draws methods.
        court: where moves are made and methods heard.
        book: where what was drawn is written.
        on_round: called after every round.
    """

    def __init__(
        self,
        config: DuelConfig,
        *,
        red: Red,
        blue: Blue,
        court: Court,
        book: Book,
        on_round: Callable[[Round], None] | None = None,
    ) -> None:
        """See the class docstring."""
        self.config, self.red, self.blue = config, red, blue
        self.court, self.book, self.on_round = court, book, on_round

    def run(self) -> Fought:
        """Fight it to its end, from the beginning or from where it was killed."""
        rounds = []
        for number in range(self.config.rounds):
            rounds.append(self._round(number))
            if self.on_round is not None:
                self.on_round(rounds[-1])
        return self._tournament(rounds)

    def _round(self, number: int) -> Round:
        before = copy.deepcopy(self.red), copy.deepcopy(self.blue)
        seed = Seed.root(self.config.seed).split("duel", number)
        # Red modifies the model
        moves = {part: self._moves(part, seed) for part in PARTS}
        made = {part: [self.court.make(each.choice) for each in moves[part]] for part in PARTS}
        # Blue develops methods
        methods = {part: self._methods(part, seed) for part in PARTS}
        current = Round(number, moves, made, methods, {}, *before)
        self._write(current)
        # Methods are scored on the line-ups
        self._hear(current)
        # Update both players' parameters based on reward
        for part in PARTS:
            for method in methods[part]:
                earned = [current.paid[each.recipe.hash, method.choice.hash] for each in current.sound("shown")]
                if earned:
                    self.blue.learn(part, method, float(np.mean(earned)))
            for drawn, what in zip(moves[part], made[part], strict=True):
                shown = [current.paid[what.recipe.hash, each.choice.hash] for each in methods["shown"]]
                self.red.learn(part, drawn, -float(np.mean(shown)))
        return current

    def _moves(self, part: Part, seed: Seed) -> list[Drawn[MoveRecipe]]:
        return [self.red.draw(part, seed.split("red", part, at)) for at in range(self.config.moves)]

    def _methods(self, part: Part, seed: Seed) -> list[Drawn[Proposal]]:
        return [self.blue.draw(part, seed.split("blue", part, at)) for at in range(self.config.methods_a_round)]

    def _hear(self, current: Round) -> None:
        """Fill in what every move of a round pays every method of it."""
        drawn = {each.choice.hash: each.choice for part in PARTS for each in current.methods[part]}
        for part in PARTS:
            for made in current.made[part]:
                for method in drawn:
                    current.paid[made.recipe.hash, method] = self.config.forfeit

        def hear(bench: Bench) -> None:
            for part in PARTS:
                if not current.sound(part):
                    continue
                for method in drawn.values():
                    verdict = bench.hear(current.number, part, method)
                    for made in current.sound(part):
                        paid = -self.config.forfeit if verdict.failure else verdict.earned[made.recipe.hash]
                        current.paid[made.recipe.hash, method.hash] = paid

        self.court.sit({(current.number, part): current.sound(part) for part in PARTS}, hear)

    def _tournament(self, rounds: Sequence[Round]) -> Fought:
        """Let every method meet every move."""
        moves: dict[Part, dict[str, Made]] = {part: {} for part in PARTS}
        methods: dict[Part, dict[str, Proposal]] = {part: {} for part in PARTS}
        for each in rounds:
            for part in PARTS:
                moves[part] |= {made.recipe.hash: made for made in each.made[part]}
                methods[part] |= {drawn.choice.hash: drawn.choice for drawn in each.methods[part]}
        every = {hash_: method for part in PARTS for hash_, method in methods[part].items()}
        paid: dict[tuple[str, str], list[float]] = {}
        scores: dict[tuple[Part, str], list[Scores]] = {}
        failures: dict[str, str] = {}

        def hear(bench: Bench) -> None:
            for each in rounds:
                for part in PARTS:
                    if not each.sound(part):
                        continue
                    scores.setdefault((part, ""), []).extend(found for _, found in bench.without(each.number, part))
                    for hash_, method in every.items():
                        verdict = bench.hear(each.number, part, method)
                        if verdict.failure:
                            failures.setdefault(hash_, verdict.failure)
                        for made in each.sound(part):
                            earned = -self.config.forfeit if verdict.failure else verdict.earned[made.recipe.hash]
                            paid.setdefault((made.recipe.hash, hash_), []).append(earned)
                        scores.setdefault((part, hash_), []).extend(found for _, found in verdict.scores)

        self.court.sit({(each.number, part): each.sound(part) for each in rounds for part in PARTS}, hear)
        settled = {pair: float(np.mean(each)) for pair, each in paid.items()}
        for part in PARTS:
            for move, made in moves[part].items():
                if made.missed:
                    settled |= {(move, method): self.config.forfeit for method in every}
        return Fought(tuple(rounds), self.red, self.blue, moves, methods, settled, scores, failures)

    def _write(self, current: Round) -> None:
        """Write what both players drew; what is there already must be the same."""
        ledger, run = self.book.ledger, self.book.run
        for at, part in enumerate(PARTS):
            for number, (drawn, made) in enumerate(zip(current.moves[part], current.made[part], strict=True)):
                ledger.add_move(
                    run,
                    MoveRecord(
                        round=current.number,
                        part=part,
                        number=number,
                        move=made.recipe.hash,
                        name=made.name,
                        recipe=made.recipe.to_json(),
                        parameters={"drawn": dict(drawn.values), "log_probability": drawn.log_probability},
                        status="forfeit" if made.missed else "ok",
                        reason=made.missed,
                        adapter=made.adapter,
                        steps=made.steps,
                    ),
                )
            for number, method in enumerate(current.methods[part]):
                count = self.config.methods_a_round
                iteration = (current.number * len(PARTS) + at) * count + number
                self.book.add_proposal(iteration, method.choice)
