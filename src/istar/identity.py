"""Identities of code: hashes that change whenever what a file does may have changed, and not for a comment.

What is kept on disk is found by a hash of all that decides it. Code is a part of that: the package's own, which is
edited between two commits, and a user's, which nobody gives a version number.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import decode_source
from pathlib import Path

from istar.parsing import parsed

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_hash(path: Path) -> str:
    """Return a hash of what a file says, 64 hexadecimal digits.

    Comments, docstrings and layout of Python are left out; what else there is counts byte for byte, Python that does
    not parse included.
    """
    content = path.read_bytes()
    tree = _syntax_tree(content) if path.suffix == ".py" else None
    if tree is not None:
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
        with suppress(RecursionError):
            content = ast.dump(tree).encode()
    return hashlib.sha256(content).hexdigest()


def code_files(root: Path) -> list[Path]:
    """Return the files of a package, or of a module that is a single file, in a fixed order and without bytecode."""
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def with_imports(path: Path) -> list[Path]:
    """Return a Python file and the modules of its folder that it may import, directly or through one another.

    Imports are read from the source, those within functions too; names that are made up at run time are not seen.

    Args:
        path: the file; its folder is where imports are looked for.
    """
    found: dict[Path, None] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found[file] = None
        tree = _syntax_tree(file.read_bytes())
        package = file.parent.relative_to(path.parent).parts
        for name in _imported_names(tree, package) if tree is not None else ():
            waiting += _module_files(path.parent, name)
    return sorted(found)


def _syntax_tree(content: bytes) -> ast.Module | None:
    try:
        return parsed(decode_source(content))
    except (SyntaxError, ValueError, RecursionError):  # ValueError: not of its encoding, or with a NUL
        return None


def _imported_names(tree: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the dotted names that a module of a package may import, as parts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, alias.name) for alias in node.names)


def _module_files(folder: Path, name: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files in a folder that importing a dotted name runs."""
    for length in range(1, len(name) + 1):
        place = folder.joinpath(*name[:length])
        yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())
