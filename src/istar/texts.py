"""Texts that come from elsewhere, made fit to be stored and shown."""

from __future__ import annotations

import unicodedata

NAME_LENGTH = 200
"""The most characters of a name that people read."""

UNSTORABLE = frozenset({"\0", *map(chr, range(0xD800, 0xE000))})
"""Characters that PostgreSQL does not store in a text, or nothing does: NUL, and halves of surrogate pairs."""


def storable(text: str) -> str:
    """Return a text with a replacement character for each one that cannot be stored."""
    if UNSTORABLE.isdisjoint(text):
        return text
    return "".join("\ufffd" if letter in UNSTORABLE else letter for letter in text)


def name_for_people(text: str) -> str:
    """Return a name without what could confuse a terminal, and not longer than a name may be."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:NAME_LENGTH])


def visible(text: str) -> str:
    r"""Return a text with every character that a terminal or a page would obey or hide written out, such as `\x1b`."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(letter: str) -> str:
    if letter.isprintable() or letter in "\n\t" or unicodedata.category(letter) == "Zs":
        return letter
    return letter.encode("unicode_escape").decode("ascii")
