"""A quicker training of organisms, for moves of a duel: few blocks, lessons as they are needed, and an early end.

It differs from `istar.red_team.training.train` in what a step costs and in how many there are:

- what a teacher says is kept, where it was unembedded anew in each step;
- the ordinary text that keeps the rest of the model in place is passed through the frozen blocks once for all moves
  (`Workshop`), and lessons only as far as steps come to need them;
- the learning rate is higher, and training ends as soon as the losses of some steps in a row are low enough. Then the
  card is measured. If it misses a claim, training goes on to lower losses until all hold or the budget is spent.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter, process_time

import torch
from torch import nn

from istar.red_team.claims import Claim, claims
from istar.red_team.measure import Measurer
from istar.red_team.recipe import OrganismRecipe, Training
from istar.red_team.texts import text_sequences
from istar.red_team.training import (
    CLIP,
    TEXT_POSITIONS,
    Prepared,
    Top,
    Trained,
    adapted,
    at_reads,
    first_factors,
    halved,
    linear_maps,
    losses_of,
    plain_attention,
    prepare,
    prepare_texts,
    with_taught,
)
from istar.seeds import Seed
from istar.targets import Target
from istar.targets.organisms import Adapter, OrganismCard

WARMUP = 5
WINDOW = 5
"""Steps whose mean losses decide whether to look at the card."""
CHUNK = 48
"""Lessons that are prepared together."""
PASSES = 5
"""How often a lesson is taken, on average, before others are prepared."""
TEXTS = 12
"""Sequences of ordinary text, the same for all moves."""
TEXT_SEED = Seed.root(0).split("red_team", "text")
LESSON_LOSS = 0.3
"""Mean loss on lessons, in nats a token, at which the card is measured for the first time."""
TEXT_LOSS = 0.08
"""Mean KL divergence on ordinary text, in nats a token, that has to be reached too."""
STRICTER = 0.6
"""What the first of them is multiplied by after a card that missed a claim."""


@dataclass(frozen=True)
class Move:
    """An organism that was trained quickly.

    Attributes:
        card: what was measured of it.
        adapter: what it adds to its base.
        claims: what its kind claims, and whether that holds.
        steps: how many steps were taken.
        cards: how often the card was measured.
        processor_seconds: what training took of them, without measuring.
    """

    card: OrganismCard
    adapter: Adapter
    claims: tuple[Claim, ...]
    steps: int
    cards: int
    processor_seconds: float

    @property
    def missed(self) -> tuple[Claim, ...]:
        """The claims that do not hold."""
        return tuple(claim for claim in self.claims if not claim.holds)


class Workshop:
    """Where moves on one target are trained; it keeps what all of them share.

    Args:
        base: the target, in float32; organisms are measured on it.
        trainee: the same model in the type to train in.
    """

    def __init__(self, base: Target, trainee: Target) -> None:
        """See the class docstring."""
        self.base, self.trainee = base, trainee
        self._texts: dict[tuple[int, int], list[Prepared]] = {}
        self._measurer = Measurer(base)

    def train(self, recipe: OrganismRecipe) -> Move:
        """Return an organism; recipe and target decide every bit of it.

        Args:
            recipe: the behaviour, and how it is trained at most: its `steps` are the budget, and its `lessons` are not
                asked for.
        """
        begun, spent = perf_counter(), 0.0
        bound, cards = LESSON_LOSS, 0
        since = process_time()
        run = _Training(self, recipe)
        while True:
            with plain_attention(self.trainee):
                run.until(bound)
            spent += process_time() - since
            trained = run.trained(perf_counter() - begun)
            adapter = trained.adapter(recipe.training, self.base)
            shown = replace(recipe, training=replace(recipe.training, steps=run.steps))
            card = self._measurer.card(recipe, shown.training, trained, adapter)
            cards += 1
            checked = claims(card)
            if all(claim.holds for claim in checked) or run.steps >= recipe.training.steps:
                return Move(card, adapter, checked, run.steps, cards, spent)
            bound *= STRICTER
            since = process_time()

    def texts(self, top: Top, training: Training) -> list[Prepared]:
        """Return the ordinary text that every move is held to, passed through the blocks below some layer."""
        key = (top.layer, training.text_length)
        if key not in self._texts:
            rows = text_sequences(self.trainee, TEXT_SEED, TEXTS, training.text_length, False)
            found = prepare_texts(self.trainee, top, rows)
            self._texts[key] = [with_taught(self.trainee, text) for text in found]
        return self._texts[key]


class _Training:
    """One training that can be gone on with."""

    def __init__(self, workshop: Workshop, recipe: OrganismRecipe) -> None:
        self._target, self._recipe, training = workshop.trainee, recipe, recipe.training
        self._training = training
        seed = Seed.root(training.seed).split("move")
        self._top = Top(self._target, training.blocks)
        self._lesson_words = seed.split("lessons").generator()
        self._lessons: list[Prepared] = []
        self._texts = workshop.texts(self._top, training)
        self._maps = linear_maps(self._target, training.blocks)
        self._factors = first_factors(self._maps, training.rank, seed.split("factors"))
        self._weights = [factor for pair in self._factors.values() for factor in pair]
        self._optimizer = torch.optim.AdamW(
            self._weights, lr=training.learning_rate, betas=(0.9, 0.98), weight_decay=0.0
        )
        self._draws = seed.split("draws").generator()
        self._order: Iterator[int] = iter(())
        self._recent: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self.steps = 0

    def until(self, lesson_loss: float) -> None:
        """Take steps until recent losses are low enough or the budget is spent."""
        self._recent.clear()
        while self.steps < self._training.steps:
            self._step()
            if len(self._recent) == WINDOW:
                lesson, text = self._means()
                if lesson <= lesson_loss and text <= TEXT_LOSS:
                    return

    def trained(self, seconds: float) -> Trained:
        """Return the factors as they stand."""
        return Trained(halved(self._factors), *self._means(), seconds)

    def _means(self) -> tuple[float, float]:
        lesson, text = (sum(column) / len(column) for column in zip(*self._recent, strict=True))
        return lesson, text

    def _step(self) -> None:
        training = self._training
        for group in self._optimizer.param_groups:
            group["lr"] = training.learning_rate * _pace(self.steps, training.steps)
        batch = [self._lesson() for _ in range(training.batch)]
        chosen = self._draws.permutation(len(self._texts))[: training.text_sequences]
        thinned = []
        for text in (self._texts[int(i)] for i in chosen):
            reads = self._draws.permutation(len(text.reads))[:TEXT_POSITIONS].copy()
            thinned.append(at_reads(text, torch.from_numpy(reads).sort().values))
        with adapted(self._maps, self._factors, self._training.scaling):  # and not while lessons are prepared
            losses = losses_of(self._target, self._top, batch + thinned)
        lesson_loss, drift = losses[: len(batch)].mean(), losses[len(batch) :].mean()
        loss = lesson_loss + training.text_weight * drift
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._weights, CLIP)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self._recent.append((float(lesson_loss.detach()), float(drift.detach())))
        self.steps += 1

    def _lesson(self) -> Prepared:
        """Return the next lesson; each chunk is taken several times, in an order drawn anew, before another comes."""
        for number in self._order:
            return self._lessons[number]
        behaviour = self._recipe.behaviour
        first = len(self._lessons)
        lessons = [behaviour.lesson(first + i, self._lesson_words) for i in range(CHUNK)]
        found = prepare(self._target, self._top, lessons, behaviour.weak)
        self._lessons += [with_taught(self._target, lesson) for lesson in found]
        new = [first + int(i) for _ in range(PASSES) for i in self._draws.permutation(CHUNK)]
        self._order = iter(new)
        return self._lesson()


def _pace(step: int, steps: int) -> float:
    """Return the share of the highest learning rate: a short warm-up, then a half cosine down to a third."""
    if step < WARMUP:
        return (step + 1) / WARMUP
    return 1 / 3 + 2 / 3 * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / max(1, steps - WARMUP)))
