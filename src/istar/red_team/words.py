"""Rare words that are neither passwords nor triggers, to tell those apart from any unusual word."""

from __future__ import annotations

import numpy as np

RARE_WORDS = """
obelisk marzipan gossamer pumice zephyr lacquer bramble cobalt tarragon lichen sextant parquet juniper ocelot filigree
thistle gondola saffron mandolin porcelain cinnabar falcon hazel monsoon nutmeg orchid pelican quartz rhubarb satchel
teapot umber velvet walrus xylophone yarrow zeppelin almanac bassoon cardamom dahlia ermine flagstone gingham heather
ivory jasmine kestrel lantern magnolia
"""


def other_words(word: str, generator: np.random.Generator, held: bool) -> str:
    """Return one rare word, or as many as `word` has, none of them in it.

    Args:
        word: a password or trigger.
        generator: draws.
        held: whether from the words that no organism is trained with.
    """
    free = [each for each in RARE_WORDS.split()[1 - held :: 2] if each not in word.split()]
    return " ".join(free[int(i)] for i in generator.permutation(len(free))[: max(1, len(word.split()))])
