"""A user's own Python files: families, organisms, rewards and whatever else registers itself when imported.

Installed packages announce their entries by entry points. A single file is enough for a start: name it, or several
separated as in PATH, in the environment variable `ISTAR_PLUGINS`.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_path
from threading import RLock

from istar.errors import IstarError
from istar.identity import code_files, code_hash, with_imports

VARIABLE = "ISTAR_PLUGINS"
PLUGIN = "plug-in "
"""What the names of plug-ins begin with among versions."""
GROUP = "istar."
"""What the entry-point groups of plug-ins begin with."""

STANDARD_LIBRARY = Path(get_path("stdlib")).resolve()

LOADING = RLock()
"""Held by the thread that imports plug-ins: others wait for it, and do not miss what is not registered yet."""

_loaded: set[Path] = set()
_identities: dict[Path, str] = {}
"""Of each file that registered something, and was imported for it, what it was then."""


def own_hint(kind: str) -> str:
    """Return how something of one's own becomes known, for errors about unknown names; empty if files are named."""
    if os.environ.get(VARIABLE):
        return ""
    return f" A {kind} of your own is known once the environment variable {VARIABLE} names its file."


class PluginError(IstarError):
    """A user's file that cannot be imported."""


def load_plugins() -> None:
    """Import the files that `ISTAR_PLUGINS` names, each once, under its own name.

    Raises:
        PluginError: there is no such file, it clashes with a module's name, or importing it fails.
    """
    with LOADING:
        _load(filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)))


def _load(names: Iterable[str]) -> None:
    for name in names:
        path = Path(name).expanduser().resolve()
        if path in _loaded:
            continue
        if path.suffix != ".py" or not path.is_file():
            raise PluginError(f"{VARIABLE} names {name}, which is no Python file; give paths such as tasks/mine.py")
        _loaded.add(path)  # while it is imported it may ask a registry, which comes here again
        before = set(sys.modules)
        sys.path.insert(0, str(path.parent))
        try:
            module = importlib.import_module(path.stem)
        except Exception as error:
            _loaded.discard(path)
            raise PluginError(f"{path}, named in {VARIABLE}, cannot be imported: {error!r}") from error
        finally:
            sys.path.remove(str(path.parent))
        if Path(str(module.__file__)).resolve() != path:
            raise PluginError(
                f"{path}, named in {VARIABLE}, has the name of another module, {module.__file__}; rename it"
            )
        _identities[path] = _identity(path, set(sys.modules) - before)


def note_origin(module: str) -> None:
    """Remember that a module has registered something: if it is no module of istar's, it is a plug-in.

    Files that `ISTAR_PLUGINS` names are remembered as they are loaded; this is for what a script or a notebook's own
    modules register. What is typed at a prompt has no file, and leaves no trace.

    Args:
        module: its name.
    """
    path = getattr(sys.modules.get(module), "__file__", None)
    if module.partition(".")[0] != "istar" and path is not None and Path(path).suffix == ".py":
        file = Path(path).resolve()
        with LOADING:
            if file not in _loaded and file not in _identities and file.exists() and not _is_installed(file):
                _identities[file] = _identity(file, set())


def _identity(path: Path, imported: set[str]) -> str:
    """Return a hash of a file and of the modules of its folder that it imports.

    Args:
        path: the file.
        imported: names of modules that were imported with it, which may have been made up at run time.
    """
    files = set(with_imports(path))
    for name in imported:
        file = Path(str(getattr(sys.modules.get(name), "__file__", None) or ".")).resolve()
        if file.suffix == ".py" and file.is_relative_to(path.parent) and not _is_installed(file):
            files.add(file)
    parts = (f"{file.relative_to(path.parent).as_posix()} {code_hash(file)}" for file in files)
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def _is_installed(file: Path) -> bool:
    """Return whether a file belongs to Python or to an installed package, which versions identify."""
    return bool({"site-packages", "dist-packages"} & set(file.parts)) or file.is_relative_to(STANDARD_LIBRARY)


def plugin_versions() -> dict[str, str]:
    """Return what identifies each plug-in: a file by a hash of its source, an installed package by version and source.

    A file's identity holds the modules of its own folder that it imports. Comments and docstrings are no part of it,
    and neither are files that a plug-in reads.

    Raises:
        PluginError: a file cannot be imported.
    """
    load_plugins()
    found: dict[str, list[str]] = {}
    with LOADING:
        for path, identity in _identities.items():
            found.setdefault(f"{PLUGIN}{path.name}", []).append(identity[:16])
    return {name: " ".join(sorted(theirs)) for name, theirs in sorted(found.items())} | _installed()


def plugin_identity() -> str:
    """Return a hash of all plug-ins, 64 hexadecimal digits, or an empty text where there are none.

    It belongs into the key of everything kept on disk whose content the code of a plug-in may decide.

    Raises:
        PluginError: a file cannot be imported.
    """
    load_plugins()
    with LOADING:
        parts = sorted({f"{path.name} {identity}" for path, identity in _identities.items()})
    parts += [f"{name} {version}" for name, version in _installed().items()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest() if parts else ""


@cache
def _installed() -> dict[str, str]:
    """Return version and source hash of every installed package that announces entries of istar's registries."""
    roots: dict[tuple[str, str], set[str]] = {}
    for group in sorted(entry_points().groups):
        for point in entry_points(group=group) if group.startswith(GROUP) else ():
            if point.dist is not None:
                roots.setdefault((point.dist.name, point.dist.version), set()).add(point.module.partition(".")[0])
    return {
        f"{PLUGIN}package {name}": f"{version} {_package_hash(sorted(tops))}"
        for (name, version), tops in sorted(roots.items())
    }


def _package_hash(names: list[str]) -> str:
    """Return a hash of the source of packages; one that is installed to be edited changes without its version."""
    parts = (f"{root.name} {file.relative_to(root)} {code_hash(file)}" for root, file in _sources(names))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _sources(names: list[str]) -> Iterator[tuple[Path, Path]]:
    for name in names:
        spec = find_spec(name)
        if spec is not None:
            folders = spec.submodule_search_locations or ([spec.origin] if spec.origin else [])
            for root in map(Path, folders):
                yield from ((root, file) for file in code_files(root) if file.suffix == ".py")
