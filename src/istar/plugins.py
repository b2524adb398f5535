"""A user's own Python files: families, organisms, rewards and whatever else registers itself when imported.

Installed packages announce their entries by entry points. A single file is enough for a start: name it, or several
separated as in PATH, in the environment variable `ISTAR_PLUGINS`.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points, packages_distributions
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from types import ModuleType

from istar.identity import code_files, code_hash, source_hash
from istar.modules import Source, is_users, users_source
from istar.registrations import PluginError, importing, loaded_plugins, modules_behind, sources_of

__all__ = [
    "GROUP",
    "LOADING",
    "PLUGIN",
    "VARIABLE",
    "PluginError",
    "know_files",
    "load_plugins",
    "note_origin",
    "own_hint",
    "plugin_identity",
    "plugin_versions",
    "versions_behind",
]

VARIABLE = "ISTAR_PLUGINS"
PLUGIN = "plug-in "
"""What the names of plug-ins begin with among versions."""
GROUP = "istar."
"""What the entry-point groups of plug-ins begin with."""

LOADING = RLock()
"""Held by the thread that imports plug-ins: others wait for it, and do not miss what is not registered yet."""


_loaded: set[Path] = set()
"""Files that were imported, or are being imported."""
_identities: dict[Path, str] = {}
"""Of each file that registered something, and was imported for it, what it was then."""


def own_hint(kind: str) -> str:
    """Return how something of one's own becomes known, for errors about unknown names; empty if files are named."""
    if os.environ.get(VARIABLE):
        return ""
    return f" A {kind} of your own is known once the environment variable {VARIABLE} names its file."


def load_plugins() -> None:
    """Import the files that `ISTAR_PLUGINS` names, each once, under its own name.

    A file's folder stays at the end of Python's search path, so that functions may import what lies beside it.

    Raises:
        PluginError: there is no such file, it has the name of another module, importing it fails, or it registers
            nothing.
    """
    with LOADING:
        for name in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
            path = Path(name).expanduser().resolve()
            if path not in _loaded:
                if path.suffix != ".py" or not path.is_file():
                    example = "give paths such as tasks/mine.py"
                    raise PluginError(f"{VARIABLE} names {name}, which is no Python file; {example}")
                _loaded.add(path)  # while it is imported it may ask a registry, which comes here again
                try:
                    _load(path)
                except BaseException:
                    _loaded.discard(path)
                    raise


def know_files(files: Iterable[Path]) -> None:
    """Take files for plug-ins whose identity is nobody's concern in this process, where they may not be readable."""
    with LOADING:
        _loaded.update(files)


def _load(path: Path) -> None:
    what, name, folder = f"{path}, named in {VARIABLE},", path.stem, str(path.parent)
    before = dict(sys.modules)
    _check_name(path, before)
    importlib.invalidate_caches()
    sys.path.insert(0, folder)
    kept = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # Python takes bytecode for a file's that was edited again within the same second
    try:
        with importing(name, what):
            importlib.import_module(name)
    except BaseException:
        for each in set(sys.modules) - set(before):
            if users_source(each) is not None:
                del sys.modules[each]  # whoever mends the file and comes again has it imported anew
        raise
    finally:
        sys.dont_write_bytecode = kept
        sys.path.remove(folder)
        if folder not in sys.path:
            sys.path.append(folder)
    sources = {each.module: each.sources for each in loaded_plugins()}.get(name)
    if sources is None:
        sys.modules.pop(name, None)
        raise PluginError(
            f"{what} registers nothing; add what it defines to a registry, such as FAMILIES.add(Mine.name, Mine())"
        )
    _identities[path] = _identity(sources)


def _check_name(path: Path, modules: dict[str, ModuleType]) -> None:
    """Raise an error if importing a file by its name would find another module."""
    name = path.stem
    if "." in name:
        raise PluginError(f"{path}, named in {VARIABLE}, has a dot in its name, which no module can have; rename it")
    file = getattr(modules.get(name), "__file__", None)
    taken = name in modules and (file is None or Path(file).resolve() != path)
    if taken or name in sys.builtin_module_names:
        other = f"{file}, which is imported already" if file else "one of Python's own"
        raise PluginError(f"{path}, named in {VARIABLE}, has the name of another module, {other}; rename it")


def note_origin(module: str) -> bool:
    """Remember that a module has registered something, if it is the user's; return whether it is.

    Files that `ISTAR_PLUGINS` names are remembered as they are loaded; this is for what a script or a notebook's own
    modules register. What is typed at a prompt has no file, and leaves no trace.

    Args:
        module: its name.
    """
    path = getattr(sys.modules.get(module), "__file__", None)
    if path is None or Path(path).suffix != ".py" or not is_users(path):
        return False
    file = Path(path).resolve()
    with LOADING:
        if file not in _loaded and file not in _identities and file.exists():
            _identities[file] = _identity(sources_of([module]))
    return True


def _identity(sources: Mapping[str, Source]) -> str:
    """Return a hash of what a plug-in and the user's modules that it imports are made of."""
    parts = (f"{name} {source_hash(each.text)}" for name, each in sorted(sources.items()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def plugin_versions() -> dict[str, str]:
    """Return what identifies each plug-in: a file by a hash of its source, an installed package by version and source.

    A file's identity holds the user's modules that it imports. Comments and docstrings are no part of it,
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


def versions_behind(entries: Collection[tuple[str, str]]) -> dict[str, str]:
    """Return what identifies the plug-ins that registered some entries; see `plugin_versions`.

    Args:
        entries: (kind of registry, name) of each.

    Raises:
        PluginError: a file cannot be imported.
    """
    every, names = plugin_versions(), set()
    for module in modules_behind(entries):
        file = getattr(sys.modules.get(module), "__file__", None)
        if file is not None and is_users(file):
            names.add(f"{PLUGIN}{Path(file).name}")
        elif file is not None:
            names |= {f"{PLUGIN}package {each}" for each in packages_distributions()[module.partition(".")[0]]}
    return {name: version for name, version in every.items() if name in names}


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
