"""Contexts made of sentences, with several phrasings of one query about each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from istar.tasks.data.places import Country, countries
from istar.tasks.data.reviews import long_reviews
from istar.tasks.family import Encoder, TaskError


@dataclass(frozen=True)
class Probe:
    """One phrasing of the query.

    Attributes:
        prompt: text after the context, up to the answer.
        answer: the answer, with its leading space.
        foil: the wrong answer its log-probability is compared with, or None for the log-probability itself.
    """

    prompt: str
    answer: str
    foil: str | None = None


@dataclass(frozen=True)
class Context:
    """Sentences and the phrasings of a query about them.

    Attributes:
        sentences: each with its leading space.
        probes: exchangeable phrasings.
        subjects: what the query is about and its answer; used for the free covariate of lexical overlap.
    """

    sentences: tuple[str, ...]
    probes: tuple[Probe, ...]
    subjects: tuple[str, ...]

    def overlap(self, sentence: int) -> float:
        """Return the share of the subjects that a sentence names."""
        words = set(re.findall(r"\w+", self.sentences[sentence].lower()))
        named = [set(re.findall(r"\w+", subject.lower())) <= words for subject in self.subjects]
        return sum(named) / len(named)


CAPITAL_DIRECT = (
    "The capital of {country} is {capital}, where the parliament meets every autumn.",
    "{capital} has been the capital of {country} since the old palace burned down.",
    "The government of {country} sits in {capital}, in a building by the river.",
)
CAPITAL_INDIRECT = (
    "Most visitors to {country} land in {capital} and look at the royal palace first.",
    "The president of {country} gave a long speech in {capital} last week.",
    "The national museum of {country} stands in the centre of {capital}.",
)
OTHER = (
    "In {country} people pay with the {currency}, which lost a little of its value this year.",
    "Farmers in {country} grow wheat and olives and sell most of them to {neighbour}.",
    "A new railway will soon connect the coast of {country} with the mountains of {neighbour}.",
    "The summers in {country} are dry, and the winters bring heavy snow to the north.",
    "Many families from {neighbour} spend their holidays on the beaches of {country}.",
    "The football team of {country} lost its last match against {neighbour} by two goals.",
)
CAPITAL_PROBES = (
    "\nTherefore, the capital of {country} is",
    "\nIn other words, the capital city of {country} is called",
    "\nThe city in which the government of {country} sits is",
    "\nSo anyone who wants to see the capital of {country} has to travel to",
)
VERDICTS = (
    ("\nOverall, I think this movie is", " good", " bad"),
    ("\nTo sum up, the film was", " great", " terrible"),
    ("\nAll in all, I found this film", " wonderful", " horrible"),
    ("\nMy final verdict: the movie is", " excellent", " awful"),
)


TRIES = 1_000
"""How many contexts are drawn before their length is thought to be another one than was asked for."""


def _pick(generator: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(generator.integers(len(choices)))]


def fact_context(
    encode: Encoder, generator: np.random.Generator, tokens: tuple[int, int], parts: tuple[int, int]
) -> Context:
    """Return sentences about a few countries whose capitals are swapped, and a query for one capital.

    The capitals stand with the wrong countries so that the answer has to come from the context. One or two sentences
    state it, one or two hint at it, and the others speak of other capitals or of other things.

    Args:
        encode: counts tokens.
        generator: draws countries, capitals and sentences.
        tokens: the least and greatest number of tokens of the sentences together. A tokenizer that cuts finer than
            most makes the same sentences longer; if none of many contexts fits, both are multiplied by the same
            number, so that their mean is that of the contexts drawn.
        parts: the least and greatest number of sentences.
    """
    low, high = tokens
    while True:
        lengths = []
        for _ in range(TRIES):
            context = _draw_facts(generator, parts)
            lengths.append(sum(len(encode(sentence)) for sentence in context.sentences))
            if low <= lengths[-1] <= high:
                return context
        scale = 2 * sum(lengths) / len(lengths) / (tokens[0] + tokens[1])
        low, high = round(scale * tokens[0]), round(scale * tokens[1])


def _draw_facts(generator: np.random.Generator, parts: tuple[int, int]) -> Context:
    known = countries()
    drawn = [known[i] for i in generator.permutation(len(known))[:8]]
    people, seats = drawn[:4], drawn[4:]
    asked, seat = people[0], seats[0]

    def fill(template: str, country: Country, capital: Country) -> str:
        neighbour = people[int(generator.integers(1, 4))]
        while neighbour is country:
            neighbour = people[int(generator.integers(4))]
        names = {"country": country.name, "capital": capital.capital, "neighbour": neighbour.name}
        return " " + template.format(**names, currency=country.currency)

    count = int(generator.integers(*parts, endpoint=True))
    direct = generator.permutation(len(CAPITAL_DIRECT))[: generator.integers(1, 3)]
    indirect = generator.permutation(len(CAPITAL_INDIRECT))[: generator.integers(1, 3)]
    sentences = [fill(CAPITAL_DIRECT[i], asked, seat) for i in direct]
    sentences += [fill(CAPITAL_INDIRECT[i], asked, seat) for i in indirect]
    for country, capital in zip(people[1:], seats[1:], strict=True):
        sentences.append(fill(_pick(generator, CAPITAL_DIRECT + CAPITAL_INDIRECT), country, capital))
    options = [(template, country) for template in OTHER for country in people]
    for i in generator.permutation(len(options))[: max(count - len(sentences), 0)]:
        sentences.append(fill(options[i][0], options[i][1], seat))
    sentences = [sentences[i] for i in generator.permutation(len(sentences))]
    probes = tuple(Probe(prompt.format(country=asked.name), " " + seat.capital) for prompt in CAPITAL_PROBES)
    return Context(tuple(sentences), probes, (asked.name, seat.capital))


def review_context(
    encode: Encoder, generator: np.random.Generator, tokens: tuple[int, int], parts: tuple[int, int]
) -> Context:
    """Return the first sentences of a film review, and a query for the reviewer's verdict, right against wrong.

    Args:
        encode: counts tokens.
        generator: draws the review.
        tokens: the least and greatest number of tokens of the sentences together.
        parts: the least and greatest number of sentences.

    Raises:
        TaskError: no review fits.
    """
    known = long_reviews()
    for i in generator.permutation(len(known)):
        sentences: list[str] = []
        length = 0
        for sentence in known[i].sentences[: parts[1]]:
            if length >= tokens[0]:
                break
            sentences.append(" " + sentence)
            length += len(encode(" " + sentence))
        if tokens[0] <= length <= tokens[1] and len(sentences) >= parts[0]:
            break
    else:
        raise TaskError(f"no review has {parts[0]} to {parts[1]} sentences of {tokens[0]} to {tokens[1]} tokens")
    verdicts = ((prompt, good, bad) if known[i].positive else (prompt, bad, good) for prompt, good, bad in VERDICTS)
    probes = tuple(Probe(prompt, right, wrong) for prompt, right, wrong in verdicts)
    return Context(tuple(sentences), probes, tuple(word.strip() for _, good, bad in VERDICTS for word in (good, bad)))
