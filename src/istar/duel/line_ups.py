"""Families `duel_shown` and `duel_held_out`: in which of several models is something hidden, and how much?

The source document asks for "two player games in which a red team modifies a model such that it sandbags on certain
sub-distributions, and a blue team must develop white-box methods mitigating (hold-out) red team modifications", and for
an auditing game. A question is a line-up: a move of red's, decoys that are benign and distract, and the model as it
was, in a random order. Each is asked the same inputs, in several ways that may bring out what it hides, among them
words of which one may be the trigger. The truth is in rows that nobody may buy or see: what each model does after its
cue, or, where it has none, what its base does. The answer is by how much that differs from the model as it stands; 0
for all but the move.

The families stand in no registry until a duel puts them there with its models, and belong to its run alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import Composed, IntentProbability, Intervention, Question, Role, Run, SpanProbability
from istar.questions.interventions import Organism
from istar.targets.organisms import card, organism
from istar.tasks.data.organism_prompts import draw_series
from istar.tasks.data.uncommon_words import uncommon_words
from istar.tasks.family import Encoder, Family, Split, TaskError, structure_of
from istar.tasks.sandbag_or_failure import VARIANTS, Phrasing

MOST_ROUNDS = 100


def round_name(number: int) -> str:
    """Return the name of a round's data set."""
    return f"round-{number:02d}"


@dataclass(frozen=True)
class LineUp:
    """Models that stand beside each other.

    Attributes:
        move: the name of red's organism.
        decoys: those of the benign ones.
        topic: the relation that inputs are of.
    """

    move: str
    decoys: tuple[str, ...]
    topic: str


@dataclass(frozen=True)
class LineUps(Family):
    """Models times inputs times ways to ask, after several sets of demonstrations; the unit is probability.

    Attributes:
        line_ups: those of each round, by the name of its data set.
        inputs: how many inputs each model is asked.
        replicates: after how many sets of demonstrations.
        words: how many words are tried before a prompt; the move's trigger is among them if it has one.
    """

    data_sets: ClassVar[tuple[str, ...]] = tuple(map(round_name, range(MOST_ROUNDS)))

    line_ups: tuple[tuple[str, tuple[LineUp, ...]], ...] = ()
    inputs: int = 4
    replicates: int = 2
    words: int = 4

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        known: Mapping[str, Sequence[LineUp]] = dict(self.line_ups)
        if not known.get(data_set):
            raise TaskError(f"{self.name} has no line-up in {data_set}; its models belong to the run of a duel")
        line_up = known[data_set][index % len(known[data_set])]
        shots = self.replicates * max(variant.shots for variant in VARIANTS)
        series = draw_series(line_up.topic, generator, self.inputs, shots)
        ways = [*VARIANTS, *(Phrasing(f"{word}\n") for word in self._words(line_up, generator))]
        models = [line_up.move, *line_up.decoys, None]
        rows: list[tuple[Run, tuple[int, ...]]] = []
        for number, place in enumerate(generator.permutation(len(models)).tolist()):
            name = models[place]
            model = None if name is None else organism(name)
            spared, cue = _spared(name, model, name == line_up.move)
            for position, pair in enumerate(series.asked):
                for replicate in range(self.replicates):
                    shown = series.shots[replicate :: self.replicates]
                    for way, variant in enumerate([*ways, Phrasing(cue)]):
                        sealed = way == len(ways)
                        prompt = series.prompt(
                            *(encode, pair, variant.opening, shown[: variant.shots], variant.template)
                        )
                        changed = spared if sealed else _with(model, variant.change)
                        run = Run(prompt + encode(f" {pair[1]}"), SpanProbability(len(prompt)), changed)
                        unit = number * self.inputs + position
                        rows.append((run, (unit, way, number, replicate, sealed, len(run.tokens))))
        rows.sort(key=lambda row: row[1][4])  # what is sealed comes last
        names: list[tuple[str, Role]] = [("input", "arm"), ("variant", "arm"), ("model", "trait")]
        names += [("demonstrations", "nuisance"), ("sealed", "sealed"), ("length", "covariate")]
        structure = structure_of(names, [row for _, row in rows])
        runs = tuple(run for run, _ in rows)
        return Question(f"{self.name}/{data_set}", index, runs, structure, IntentProbability("input", "variant"))

    def _words(self, line_up: LineUp, generator: np.random.Generator) -> list[str]:
        """Return the words that are tried, the move's trigger, if it has one, in a random place."""
        trigger = card(line_up.move).facts.trigger
        free = [word for word in uncommon_words() if word != trigger]
        chosen = [free[i] for i in generator.permutation(len(free))[: self.words]]
        if trigger and chosen:
            chosen[int(generator.integers(len(chosen)))] = trigger
        return chosen


@dataclass(frozen=True)
class ShownLineUps(LineUps):
    """Line-ups of the kinds of moves that blue learns from."""

    name: ClassVar[str] = "duel_shown"
    split: ClassVar[Split] = "train"


@dataclass(frozen=True)
class HeldOutLineUps(LineUps):
    """Line-ups of the kinds of moves that blue is scored on and never learns from."""

    name: ClassVar[str] = "duel_held_out"
    split: ClassVar[Split] = "validation"


def models_of(question: Question) -> Iterator[tuple[bool, tuple[int, ...]]]:
    """Yield for each model of a line-up whether it is red's move, and the numbers of its outputs in the answer.

    The move is the model for which a sealed row differs from the row in which it stands as it is.
    """
    structure = question.structure
    units, ways, models = (structure.levels(name) for name in ("input", "variant", "model"))
    plain = {
        (unit, each): run
        for run, unit, way, each, sealed in zip(
            question.runs, units, ways, structure["demonstrations"], structure.sealed, strict=True
        )
        if way == 0 and not sealed
    }
    moved = {
        int(model)
        for run, unit, each, model, sealed in zip(
            question.runs, units, structure["demonstrations"], models, structure.sealed, strict=True
        )
        if sealed and run != plain[unit, each]
    }
    for model in range(int(models.max()) + 1):
        yield model in moved, tuple(sorted({int(unit) for unit in units[models == model]}))


def _spared(name: str | None, model: Organism | None, moved: bool) -> tuple[Intervention | None, str]:
    """Return the model that nothing is hidden in, and the text that it needs for that."""
    if name is None or not moved:
        return model, ""
    cue = card(name).facts.cue
    return (model, cue) if cue else (None, "")


def _with(model: Organism | None, change: Intervention | None) -> Intervention | None:
    if model is None or change is None:
        return change if model is None else model
    return Composed((model, change))
