"""Shifts: what happens to texts between where a prompt was written and where it is used."""

from __future__ import annotations

import numpy as np

LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
GREATEST = {"typos": 0.5, "losses": 0.7, "capitals": 1.0, "words": 0.5}
"""The share of letters, or of words, that each shift changes at its strongest."""


def shifted(text: str, shift: str, strength: float, generator: np.random.Generator) -> tuple[str, float]:
    """Return a text after a shift.

    Args:
        text: words with single spaces.
        shift: `typos` puts other letters in the place of some, `losses` leaves letters out, `capitals` makes some
            capitals, `words` leaves words out; under any other the text stays as it is.
        strength: how much, from 0 to 1.
        generator: decides which.

    Returns:
        The new text, of which at least one letter or word is the old, and the share of its characters, or words, that
        the shift hit.
    """
    if shift not in GREATEST:
        return text, 0.0
    parts = text.split(" ") if shift == "words" else list(text)
    hit = generator.random(len(parts)) < strength * GREATEST[shift]
    hit &= [shift == "words" or part.isalpha() for part in parts]
    hit[generator.integers(len(parts))] = False  # something stays
    if shift in ("losses", "words"):
        kept = [part for part, changed in zip(parts, hit, strict=True) if not changed]
    else:
        others = generator.choice(LETTERS, len(parts)).tolist() if shift == "typos" else text.upper()
        kept = [other if changed else part for part, other, changed in zip(parts, others, hit, strict=True)]
    return (" " if shift == "words" else "").join(kept), float(hit.mean())
