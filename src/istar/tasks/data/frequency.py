"""How frequent English words are, from the package wordfreq."""

from __future__ import annotations

import re
from functools import cache

KNOWN = 40_000
"""How many of the most frequent words are looked at."""


@cache
def log_frequency(word: str) -> float:
    """Return the log10 of how often a word occurs per billion words of English; 0 if it is unknown."""
    import wordfreq

    return float(wordfreq.zipf_frequency(word, "en"))


def rarity(text: str) -> tuple[float, float]:
    """Return the mean and the least log10 frequency of a text's words per billion words of English."""
    frequencies = [log_frequency(word) for word in re.findall(r"[a-z']+", text.lower())] or [0.0]
    return sum(frequencies) / len(frequencies), min(frequencies)


@cache
def plain_words() -> tuple[str, ...]:
    """Return the frequent words of three letters and more, without signs or accents, the most frequent first."""
    import wordfreq

    return tuple(word for word in wordfreq.top_n_list("en", KNOWN) if re.fullmatch("[a-z]{3,}", word))


def words_of_frequency(frequency: float, width: float = 0.1) -> tuple[str, ...]:
    """Return the plain words whose log10 frequency differs from the one asked for by `width` at most."""
    return tuple(word for word in plain_words() if abs(log_frequency(word) - frequency) <= width)
