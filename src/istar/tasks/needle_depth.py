"""Family `needle_depth`: how well is a fact found again at each depth of a long context, and where worst?

A sentence, the needle, is hidden at one of several depths among filler sentences, and a query at the end asks for it.
Liu et al. (Lost in the middle: how language models use long contexts, 2023) find that where it stands matters. A few
rivals, sentences of the same form about other people, stand at places that differ between questions and make each
question's curve its own. The answer is the mean log-probability of what was hidden at every depth, scored by how good
the depth is that looks worst, and by the error of the curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from istar.questions import ArmChoice, Question, Role, Run, SpanLogprob
from istar.tasks.data.haystacks import HAYSTACKS, PEOPLE, Haystack
from istar.tasks.family import FAMILIES, Encoder, Family, Split, TaskError, structure_of

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Context:
    """One haystack with its needle.

    Attributes:
        who: whom the needle is about.
        what: what it says of them.
        needle: its tokens.
        rivals: the tokens of the sentences of the same form about others.
        sentences: the tokens of the filler's sentences with the rivals among them.
    """

    who: str
    what: str
    needle: Tokens
    rivals: list[Tokens]
    sentences: list[Tokens]


@dataclass(frozen=True)
class NeedleDepth(Family):
    """Depths times contexts times queries; the readout is the log-probability of the hidden word, in nats.

    Attributes:
        lengths: the greatest length of a context in tokens, with needle and rivals, taken in turn by the questions.
        depths: at how many depths the needle stands, from before the first sentence to after the last.
        contexts: how many contexts, each with a needle of its own.
        rivals: the range of the number of rivals, both ends included.
    """

    name: ClassVar[str] = "needle_depth"
    split: ClassVar[Split] = "validation"
    data_sets: ClassVar[tuple[str, ...]] = tuple(HAYSTACKS)

    lengths: tuple[int, ...] = (512, 512, 1024, 2048)
    depths: int = 12
    contexts: int = 14
    rivals: tuple[int, int] = (1, 3)

    def build(self, data_set: str, encode: Encoder, generator: np.random.Generator, index: int) -> Question:
        """See the base class."""
        haystack = HAYSTACKS[data_set]
        length = self.lengths[index % len(self.lengths)]
        rival_places = np.sort(generator.random(int(generator.integers(*self.rivals, endpoint=True))))
        runs: list[Run] = []
        rows: list[tuple[float, ...]] = []
        for number in range(self.contexts):
            context = _context(haystack, length, rival_places, encode, generator)
            sentences = context.sentences
            if len(sentences) < self.depths:
                raise TaskError(f"{self.name}/{data_set}: {self.depths} depths among {len(sentences)} sentences")
            for depth in range(self.depths):
                place = depth / (self.depths - 1)
                position = round(place * len(sentences))
                parts = (*sentences[:position], context.needle, *sentences[position:])
                text = tuple(token for part in parts for token in part)
                after = sum(sentence in context.rivals for sentence in sentences[position:])
                for query, phrasing in enumerate(haystack.queries):
                    prompt = (encode.bos, *text, *encode(phrasing.format(who=context.who)))
                    runs.append(Run(prompt + encode(f" {context.what}"), SpanLogprob(len(prompt))))
                    rows.append((depth, number, query, place, (2 * place - 1) ** 2, after))
        names: list[tuple[str, Role]] = [("depth", "arm"), ("context", "nuisance"), ("query", "nuisance")]
        names += [("place", "covariate"), ("edge", "covariate"), ("rivals_after", "covariate")]
        functional = ArmChoice("depth", lowest=True, curve=1.0)
        return Question(f"{self.name}/{data_set}", index, tuple(runs), structure_of(names, rows), functional)


def _context(
    haystack: Haystack,
    length: int,
    rival_places: Float[np.ndarray, " rivals"],
    encode: Encoder,
    generator: np.random.Generator,
) -> Context:
    """Return a context: as many sentences as there is room for, with a rival at each of the places between 0 and 1."""
    people, answers = (generator.permutation(names) for names in (PEOPLE.split(), haystack.answers))
    count = 1 + len(rival_places)
    needle, *rivals = (
        encode(" " + haystack.needle.format(who=who, what=what))
        for who, what in zip(people[:count], answers[:count], strict=True)
    )
    room = length - len(needle) - sum(map(len, rivals))
    sentences: list[Tokens] = []
    for sentence in haystack.filler(generator):
        tokens = encode(f" {sentence}")
        room -= len(tokens)
        if room < 0:
            break
        sentences.append(tokens)
    for place, rival in zip(rival_places, rivals, strict=True):
        sentences.insert(round(place * len(sentences)), rival)
    return Context(str(people[0]), str(answers[0]), needle, rivals, sentences)


FAMILIES.add(NeedleDepth.name, NeedleDepth())
