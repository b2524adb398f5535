"""Packages whose names are imported when they are first asked for.

`istar tasks` needs neither torch nor transformers, but a package that imports every file it consists of brings both. A
package that defers keeps its imports below `if TYPE_CHECKING:`, where type checkers and the import order read them, and
this module reads there, too, what is found where.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def deferred(package: str) -> Callable[[str], Any]:
    """Return a package's `__getattr__`, which imports a name when it is first asked for.

    Args:
        package: the package's name. Its `__init__.py` imports its names below `if TYPE_CHECKING:`, each from the module
            that holds it.
    """
    module = sys.modules[package]
    homes = _homes(Path(str(module.__file__)))

    def found(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(module, name, value)
        return value

    return found


def _homes(file: Path) -> dict[str, str]:
    """Return the module that each name comes from which a file imports for type checkers."""
    blocks = [
        each
        for each in ast.parse(file.read_bytes()).body
        if isinstance(each, ast.If) and isinstance(each.test, ast.Name) and each.test.id == "TYPE_CHECKING"
    ]
    return {
        alias.name: str(statement.module)
        for block in blocks
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
