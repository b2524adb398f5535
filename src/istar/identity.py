"""Identities of code: hashes that change whenever what a file does may have changed, and not for a comment.

What is kept on disk is found by a hash of all that decides it. Code is a part of that: the package's own, which is
edited between two commits, and a user's, which nobody gives a version number.
"""

from __future__ import annotations

import ast
import hashlib
from contextlib import suppress
from importlib.util import decode_source
from pathlib import Path

from istar.parsing import parsed

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_hash(path: Path) -> str:
    """Return a hash of what a file says, 64 hexadecimal digits; of Python, see `source_hash`."""
    content = path.read_bytes()
    if path.suffix == ".py":
        with suppress(SyntaxError, ValueError):  # ValueError: not of its encoding
            return source_hash(decode_source(content))
    return hashlib.sha256(content).hexdigest()


def source_hash(text: str) -> str:
    """Return a hash of Python source, 64 hexadecimal digits.

    Comments, docstrings and layout are left out; what does not parse counts as it stands.
    """
    content = text.encode(errors="surrogatepass")
    with suppress(SyntaxError, ValueError, RecursionError):  # ValueError: with a NUL
        tree = parsed(text)
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                del node.body[0]
        content = ast.dump(tree).encode()
    return hashlib.sha256(content).hexdigest()


def code_files(root: Path) -> list[Path]:
    """Return the files of a package, or of a module that is a single file, in a fixed order and without bytecode."""
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
