"""Family `memorisation`: which continuations does the model know by heart, and how strongly?

A passage is cut, and the model scores what comes next, given the last few tokens before the cut, or more of them:
Carlini et al. (Quantifying memorization across neural language models, 2023) call a continuation extractable that the
model gives back when prompted with what came before, and find that more of it brings back more. The answer is the
strength of every passage, its mean log-probability per token over lengths of the prompt. Much-quoted passages stand
among little-known ones and among controls, whose words or order were changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from istar.questions import ArmRanking, Question, Role, Run, SpanLogprob
from istar.tasks.data.lists import ordered_lists
from istar.tasks.data.passages import reworded, verses
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

KINDS = {
    "kjv": {"famous": 1 / 3, "other": 1 / 3, "reworded": 1 / 4, "shuffled": 1 / 12},
    "lists": {"forward": 1 / 2, "backward": 1 / 4, "shuffled": 1 / 4},
}
"""The kinds of passages of each data set and their shares."""

SEPARATORS = (", ", "\n", "; ")

Passage = tuple[tuple[int, ...], tuple[int, ...]]
"""The tokens before the cut and those after it."""


@dataclass(frozen=True)
class Memorisation(Family):
    """Passages times lengths of the prompt; the readout is the mean log-probability of a token, in nats.

    Attributes:
        passages: how many passages of all kinds together.
        prompts: how many tokens before the cut the model is shown.
        continuation: how many tokens after the cut it scores.
    """

    name: ClassVar[str] = "memorisation"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = tuple(KINDS)

    passages: int = 96
    prompts: tuple[int, ...] = (6, 10, 14, 18, 24, 32)
    continuation: int = 8

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        source = self._verses if data_set == "kjv" else self._lists
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        number = 0
        for kind, (name, share) in enumerate(KINDS[data_set].items()):
            count = round(share * self.passages)
            found: dict[Passage, None] = {}
            for passage in source(name, encode, generator):
                found.setdefault(passage)
                if len(found) == count:
                    break
            else:
                raise TaskError(f"{self.name}/{data_set}: only {len(found)} of {count} {name} passages")
            for before, after in found:
                for prompt, length in enumerate(self.prompts):
                    shown = before[-length:]
                    repeated = sum(token in shown for token in after) / len(after)
                    runs.append(Run((encode.bos, *shown, *after), SpanLogprob(1 + length, mean=True)))
                    rows.append((number, kind, prompt, length, repeated))
                number += 1
        names: list[tuple[str, Role]] = [("passage", "arm"), ("kind", "trait"), ("prompt", "nuisance")]
        names += [("length", "covariate"), ("repeated", "covariate")]
        structure = structure_of(names, rows)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure, ArmRanking("passage"))

    def _verses(self, kind: str, encode: Encoder, generator: np.random.Generator) -> Iterator[Passage]:
        """Yield the verses of a kind in a drawn order, each with what stands before it and cut inside.

        Reworded and shuffled verses are much-quoted ones, and what stands before them is changed in the same way.
        """
        known = [verse for verse in verses() if verse.famous == (kind != "other")]
        for i in generator.permutation(len(known)):
            before, text = _changed(known[i].before, kind, generator), _changed(known[i].text, kind, generator)
            preceding, verse = encode(before), encode(" " + text)
            first = max(self.prompts[0], max(self.prompts) - len(preceding))
            last = len(verse) - self.continuation
            if first <= last:
                cut = int(generator.integers(first, last, endpoint=True))
                yield (*preceding, *verse[:cut])[-max(self.prompts) :], verse[cut : cut + self.continuation]

    def _lists(self, kind: str, encode: Encoder, generator: np.random.Generator) -> Iterator[Passage]:
        """Yield stretches of drawn lists, forwards, backwards or with their items in a random order."""
        known = ordered_lists()
        for _ in range(50 * self.passages):
            chosen = known[generator.integers(len(known))]
            separator = SEPARATORS[generator.integers(len(SEPARATORS))]
            items = list(chosen.items) * (1 + 2 * chosen.cyclic)
            if kind == "shuffled":
                items = [items[i] for i in generator.permutation(len(items))]
            elif kind == "backward":
                items.reverse()
            parts = [encode(item + separator) for item in items]
            tokens = [token for part in parts for token in part]
            borders = np.cumsum([len(part) for part in parts])
            fit = borders[(borders >= max(self.prompts)) & (borders <= len(tokens) - self.continuation)]
            if len(fit):
                cut = int(generator.choice(fit))
                yield tuple(tokens[cut - max(self.prompts) : cut]), tuple(tokens[cut : cut + self.continuation])


def _changed(text: str, kind: str, generator: np.random.Generator) -> str:
    if kind == "reworded":
        return reworded(text)
    if kind == "shuffled":
        words = text.split()
        return " ".join(words[i] for i in generator.permutation(len(words)))
    return text


FAMILIES.add(Memorisation.name, Memorisation())
