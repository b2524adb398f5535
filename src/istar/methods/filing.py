"""What is kept of a method is filed under its source, and under the code of our tools that it imports."""

from __future__ import annotations

import ast
import hashlib
import importlib
from collections.abc import Iterator
from functools import cache

from istar.fingerprint import own_code
from istar.methods.loading import source_hash
from istar.parsing import parsed

METHODS = "istar.methods"
TOOLS = "istar.methods.tools"


def filed_under(source: str) -> str:
    """Return the hash under which is kept what a method learned and said: 64 hexadecimal digits.

    It is the hash of its source, together with the code of the tools of `istar.methods` that the source imports, and of
    those that these import in turn: a method says something else once a tool of its computes something else.

    Args:
        source: its source; what is no Python imports nothing.
    """
    tools = tools_of(source)
    if not tools:
        return source_hash(source)
    return hashlib.sha256("\n".join((source_hash(source), *own_code(tools))).encode()).hexdigest()


def tools_of(source: str) -> tuple[str, ...]:
    """Return the modules of `istar.methods.tools` that a source imports, directly or by one another, by name."""
    found: set[str] = set()
    try:
        todo = list(_imported(source))
    except SyntaxError:
        return ()
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo += _imported_by(module)
    return tuple(sorted(found))


@cache
def _imported_by(module: str) -> tuple[str, ...]:
    file = importlib.import_module(module).__file__
    assert file is not None
    with open(file, encoding="utf-8") as text:
        return tuple(_imported(text.read()))


def _imported(source: str) -> Iterator[str]:
    """Yield the modules of tools that a source names in its imports, or whose names it imports from `istar.methods`."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            named = [node.module]
            if node.module == METHODS:
                named = [_home_of(alias.name) for alias in node.names]
            yield from (module for module in named if module.startswith(TOOLS))


def _home_of(name: str) -> str:
    """Return the module in which a name of `istar.methods` is defined."""
    return str(getattr(getattr(importlib.import_module(METHODS), name, None), "__module__", ""))
