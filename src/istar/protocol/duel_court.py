"""Where the moves of a duel are made and its methods heard: organisms, tables and arms of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from istar.arms.jobs import Workplace
from istar.arms.sandboxed import SandboxArms
from istar.arms.task_questions import with_references
from istar.duel.detection import Scores, scores_of
from istar.duel.line_ups import HeldOutLineUps, LineUp, LineUps, ShownLineUps, round_name
from istar.duel.moves import MoveRecipe
from istar.duel.players import PARTS, Part
from istar.ledger.schema import Stage
from istar.methods.contract import MethodError
from istar.protocol.book import Book
from istar.protocol.duel import Bench, Made, Verdict
from istar.protocol.duel_settings import DuelConfig
from istar.protocol.evaluator import Evaluator
from istar.red_team.building import is_built, write
from istar.red_team.claims import missed
from istar.red_team.quick import Workshop
from istar.red_team.recipe import OrganismRecipe
from istar.researchers import Proposal
from istar.rewards.curves import Curve
from istar.rewards.formulas import Reward
from istar.targets import Corpus, Target
from istar.targets.organisms import ORGANISMS, OrganismCard, OrganismSpec, read_card
from istar.tasks import FAMILIES, Task
from istar.truth import TableKey, build_truth
from istar.truth.effects.records import LEAST_QUESTIONS
from istar.truth.parquet import ParquetStore

if TYPE_CHECKING:
    from istar.truth import Table

STAGES: Mapping[Part, Stage] = {"shown": "train", "held out": "validation"}
FAMILY_OF: Mapping[Part, type[LineUps]] = {"shown": ShownLineUps, "held out": HeldOutLineUps}
Say = Callable[[str], None]


class DuelCourt:
    """Makes moves and hears methods; organisms are registered while it is open.

    Args:
        config: the settings.
        folder: of the organisms.
        truth: folder of the tables.
        workshop: trains.
        corpus: the generic text that methods learn from.
        reward: the reward formula.
        book: where evaluations are written.
        say: told what is being done.
    """

    def __init__(
        self,
        config: DuelConfig,
        *,
        folder: Path,
        truth: Path,
        workshop: Workshop,
        corpus: Corpus,
        reward: Reward,
        book: Book,
        say: Say,
    ) -> None:
        """See the class docstring."""
        self.config, self.folder, self.workshop = config, folder, workshop
        self.store = ParquetStore(truth)
        self.corpus, self.reward, self.book, self.say = corpus, reward, book, say

    @property
    def target(self) -> Target:
        """What red modifies."""
        return self.workshop.base

    def make(self, recipe: MoveRecipe) -> Made:
        """See `Court`."""
        training = self.config.budget.training(self.config.seed)
        self.say(f"training {recipe.short}")
        card = self._organism(recipe.recipe(training))
        decoys = [self._organism(each) for each in recipe.decoy_recipes(training)]
        short = [f"{claim}" for claim in missed(card)]
        # a decoy that is not what it claims to be is no decoy, and stands beside nothing
        sound = tuple(each.name for each in decoys if not missed(each))
        if not sound:
            short.append("none of its decoys keeps its own claims")
        return Made(recipe, card.name, sound, card.digest, int(card.training["steps"]), "; ".join(short))

    def _organism(self, recipe: OrganismRecipe) -> OrganismCard:
        """Return the card of an organism, trained now if it is not in the folder; it is registered from now on.

        Of a target with fewer blocks than are to be changed, all are.
        """
        blocks = min(recipe.training.blocks, self.target.layers)
        recipe = replace(recipe, training=replace(recipe.training, blocks=blocks))
        place = self.folder / recipe.name
        if not is_built(recipe, self.folder):
            threads = torch.get_num_threads()
            torch.set_num_threads(1)  # sums in another order give other bits
            try:
                move = self.workshop.train(recipe)
            finally:
                torch.set_num_threads(threads)
            write(move.card, move.adapter, place)
        if recipe.name not in ORGANISMS:
            ORGANISMS.add(recipe.name, OrganismSpec(recipe.name, recipe.behaviour.kind, place))
        return read_card(place)

    def sit(self, moves: Mapping[tuple[int, Part], Sequence[Made]], hear: Callable[[Bench], None]) -> None:
        """See `Court`."""
        sound = {key: list(each) for key, each in moves.items() if each}
        if not sound:
            return
        with FAMILIES.lent():
            for part in PARTS:
                FAMILIES.add(FAMILY_OF[part].name, self._family(part, sound))
            tables = {key: self._tables(key, len(each)) for key, each in sound.items()}
            questions = [with_references(each[0].question.task, each) for each in tables.values()]
            with SandboxArms(self.config, self.target, self.corpus, questions) as arms:
                by_hash = {table.question.hash: table for each in tables.values() for table in each}
                evaluator = Evaluator(self.book, arms, Workplace(arms, by_hash), map)
                hear(_Bench(self, evaluator, tables, sound))

    def _family(self, part: Part, moves: Mapping[tuple[int, Part], Sequence[Made]]) -> LineUps:
        line_ups = tuple(
            (round_name(number), tuple(LineUp(made.name, made.decoys, made.recipe.topic) for made in each))
            for (number, of), each in sorted(moves.items())
            if of == part
        )
        sizes = {name: getattr(self.config, name) for name in ("inputs", "replicates", "words")}
        return replace(FAMILY_OF[part](**sizes), line_ups=line_ups)

    def _tables(self, key: tuple[int, Part], moves: int) -> tuple[Table, ...]:
        """Return the questions about the moves of one part of a round, their truth built now where it is not there."""
        number, part = key
        task = Task(FAMILIES.get(FAMILY_OF[part].name), round_name(number))
        # every move is asked about equally often, and the executor learns each question from others
        rounds = max(self.config.questions, -(-(LEAST_QUESTIONS + 1) // moves))
        asked, seed = range(rounds * moves), self.config.environment_seed
        for table in build_truth([task], self.target, questions=asked, seed=seed, store=self.store):
            self.say(f"running the models of {table.question.task}, question {table.question.index}")
        return tuple(self.store.read(TableKey(self.target.id, task.name, index, seed)) for index in asked)


class _Bench:
    """See `Bench`."""

    def __init__(
        self,
        court: DuelCourt,
        evaluator: Evaluator,
        tables: Mapping[tuple[int, Part], tuple[Table, ...]],
        moves: Mapping[tuple[int, Part], Sequence[Made]],
    ) -> None:
        self._court, self._evaluator, self._tables, self._moves = court, evaluator, tables, moves

    def hear(self, number: int, part: Part, method: Proposal) -> Verdict:
        """See `Bench`."""
        tables = self._tables[number, part]
        self._court.say(f"hearing {method.name} on {tables[0].question.task}")
        try:
            self._evaluator.interpret(method)
            baseline, interp = self._evaluator.curves(STAGES[part], method, [tables])
        except MethodError as failure:
            return Verdict(failure=str(failure))
        score = self._court.reward.score(baseline, interp)
        earned: dict[str, list[float]] = {}
        for table in tables:
            question = table.question
            earned.setdefault(self._move(number, part, table), []).append(
                score.by_question[question.task, question.hash]
            )
        means = {move: float(np.mean(each)) for move, each in earned.items()}
        return Verdict(means, tuple(self._scores(number, part, interp)))

    def without(self, number: int, part: Part) -> tuple[tuple[str, Scores], ...]:
        """See `Bench`."""
        curves = [curve for table in self._tables[number, part] for curve in self._evaluator.baseline(table).curves]
        return tuple(self._scores(number, part, curves))

    def _scores(self, number: int, part: Part, curves: Sequence[Curve]) -> Iterator[tuple[str, Scores]]:
        for table in self._tables[number, part]:
            theirs = [curve for curve in curves if curve.question_hash == table.question.hash]
            yield self._move(number, part, table), scores_of(table, theirs)

    def _move(self, number: int, part: Part, table: Table) -> str:
        """Return the hash of the move that a question is about; see `LineUps.build`."""
        moves = self._moves[number, part]
        return moves[table.question.index % len(moves)].recipe.hash


@contextmanager
def registered() -> Iterator[None]:
    """Take the organisms of a duel out of the registry when the block ends."""
    with ORGANISMS.lent():
        yield
