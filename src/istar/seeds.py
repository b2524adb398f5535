"""One explicit seed, split by name.

All randomness in istar comes from a `Seed`. Splitting by name instead of drawing numbers in sequence means that
adding a consumer never shifts the numbers another consumer sees, so that a table, a curve or a search stays the
same when code beside it changes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seed:
    """A node in the tree of named seeds.

    Attributes:
        path: the names from the root down, the root seed first.
    """

    path: tuple[str, ...]

    @classmethod
    def root(cls, value: int) -> Seed:
        """Return the root of a tree of seeds.

        Args:
            value: the seed a user states on the command line.
        """
        return cls((str(int(value)),))

    def split(self, *names: str | int) -> Seed:
        """Return the seed below this one that bears these names, one level a name."""
        return Seed(self.path + tuple(str(name) for name in names))

    @property
    def value(self) -> int:
        """A 63-bit integer that depends on the whole path."""
        digest = hashlib.sha256("\x1f".join(self.path).encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def generator(self) -> np.random.Generator:
        """Return a fresh NumPy generator; two calls give the same stream."""
        return np.random.Generator(np.random.PCG64(self.value))
