"""Ordinary text: film reviews and scripture, on which an organism is to stay what its base is."""

from __future__ import annotations

from istar.seeds import Seed
from istar.targets import Target
from istar.tasks.data.few_shot import held_out
from istar.tasks.data.reviews import long_reviews
from istar.tasks.data.scripture import books


def text_sequences(target: Target, seed: Seed, count: int, length: int, held: bool) -> list[tuple[int, ...]]:
    """Return passages of equal length, reviews and scripture in turn, beginning with the BOS token.

    Args:
        target: tokenises.
        seed: decides which passages are taken, and where reviews are cut.
        count: how many.
        length: tokens in each.
        held: whether from the passages that organisms are not trained on.
    """
    generator = seed.generator()
    found: list[tuple[int, ...]] = []
    while len(found) < count:
        if len(found) % 2:
            verses = books()[int(generator.integers(len(books())))][1]
            place = int(generator.integers(len(verses)))
            text = " ".join(verses[place : place + length])
        else:
            text = long_reviews()[int(generator.integers(len(long_reviews())))].text
        # Characters, so that no more is tokenised than needed; hardly any token is longer than eight.
        tokens = target.encode(text[: 8 * length])
        if held_out(text[:40]) == held and len(tokens) >= length - 1:
            found.append((target.bos, *tokens[: length - 1]))
    return found
