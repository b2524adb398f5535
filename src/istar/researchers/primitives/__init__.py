"""The words of the grammar: one primitive a file.

Each file holds the functions that a written method will contain, as ordinary tested code, and the primitive that
states their choices and how they are called. A new primitive is a new file; every module here is imported by
`load_primitives`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from istar.registry import Registry
from istar.researchers.primitives.primitive import PRIMITIVES, Choice, Primitive, choice

__all__ = ["PRIMITIVES", "Choice", "Primitive", "choice", "load_primitives"]


@cache
def load_primitives() -> Registry[type[Primitive]]:
    """Import every primitive of this package and return the registry."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return PRIMITIVES
