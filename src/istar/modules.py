"""A user's own modules: which they are, what they say, what they import, and where in them something failed."""

from __future__ import annotations

import ast
import importlib.util
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path

from istar.parsing import parsed


@dataclass(frozen=True)
class Source:
    """What a module is made of.

    Attributes:
        file: its file; the folder of a package that has no `__init__.py`.
        text: what it says.
        package: whether it has modules inside.
    """

    file: Path
    text: str
    package: bool


@cache
def _libraries() -> tuple[Path, ...]:
    own = Path(__file__).resolve().parent
    return (own, *(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")))


def is_users(file: str | Path) -> bool:
    """Whether a file belongs to the user: neither to Python, to an installed package, nor to istar."""
    path = Path(file)
    if str(file).startswith("<") or {"site-packages", "dist-packages"} & set(path.parts):
        return False
    return not any(path.resolve().is_relative_to(folder) for folder in _libraries())


def users_source(name: str) -> Source | None:
    """Return what a user's module is made of, as its file says now; None if it is not the user's, or is not Python.

    Args:
        name: the module's dotted name; of one that is not imported yet, the package has to be.
    """
    spec = _spec(name)
    if spec is None:
        return _script(name)
    folders = spec.submodule_search_locations
    if spec.origin is None or not spec.has_location:
        return next((Source(Path(each), "", True) for each in folders or () if is_users(each)), None)
    file = Path(spec.origin).resolve()
    if file.suffix != ".py" or not is_users(file):
        return None
    return Source(file, importlib.util.decode_source(file.read_bytes()), folders is not None)


def _script(name: str) -> Source | None:
    """Return what a module is made of that was run by its file's name, and so has no specification."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or Path(file).suffix != ".py" or not is_users(file) or not Path(file).is_file():
        return None
    return Source(Path(file).resolve(), importlib.util.decode_source(Path(file).read_bytes()), False)


def _spec(name: str) -> ModuleSpec | None:
    module = sys.modules.get(name)
    if module is not None:
        return getattr(module, "__spec__", None)
    package = name.rpartition(".")[0]
    if package and package not in sys.modules:
        return None  # to look for it would import what nobody has asked for
    try:
        return importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        return None


def imported_names(text: str, name: str, package: bool) -> Iterator[str]:
    """Yield the dotted names of what a module may import, those within its functions too.

    What it imports for annotations alone, under `if TYPE_CHECKING`, is left out, and names that are made up at run
    time are not seen.

    Args:
        text: what the module says.
        name: its name.
        package: whether it is a package.
    """
    home = name if package else name.rpartition(".")[0]
    for node in _but_for_annotations(parsed(text)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, home)
            found = [f"{base}.{alias.name}" for alias in node.names] if base else []
        else:
            continue
        for each in found:
            parts = each.split(".")
            yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _absolute(node: ast.ImportFrom, home: str) -> str:
    if not node.level:
        return node.module or ""
    try:
        return importlib.util.resolve_name("." * node.level + (node.module or ""), home)
    except ImportError:
        return ""


def _but_for_annotations(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    children = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        children = iter(node.orelse)
    for child in children:
        yield from _but_for_annotations(child)


def failure(error: BaseException, own: Callable[[str], bool] = is_users) -> str:
    """Return where in a user's files an error happened, and what it says: `FILE, line 3: TypeError: ...`.

    Args:
        error: what was raised.
        own: whether a file is the user's; the innermost line of one is named.
    """
    lines = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append((error.filename, error.lineno))
    place = next((f"{file}, line {line}: " for file, line in reversed(lines) if own(file)), "")
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{place}{type(error).__name__}" + (f": {said}" if said else "")
