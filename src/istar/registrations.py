"""What plug-ins register while they are imported, and what they are made of.

A plug-in that fails leaves nothing behind: what it has registered until then is taken out again.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from istar.errors import IstarError
from istar.modules import Source, failure, imported_names, users_source


class PluginError(IstarError):
    """A user's file that cannot be imported."""


@dataclass(frozen=True)
class Plugin:
    """A module that registers something.

    Attributes:
        module: the name under which it is imported.
        entries: (kind of registry, name) of all that it registered.
        sources: by name, what it and the user's modules that it may import said when it was imported; empty for a
            module of an installed package.
        unnamed: those of them that no import statement names.
    """

    module: str
    entries: tuple[tuple[str, str], ...]
    sources: dict[str, Source]
    unnamed: tuple[str, ...]


@dataclass(frozen=True)
class _Entered:
    """One entry of a registry: where it is, and how it is taken out again."""

    kind: str
    name: str
    take_out: Callable[[], object]


_plugins: dict[str, Plugin] = {}
_importing: list[list[_Entered]] = []
"""What each plug-in has registered that is being imported, the outermost first."""
_entered: dict[str, list[_Entered]] = {}
"""What each module that is not istar's has registered."""


def loaded_plugins() -> tuple[Plugin, ...]:
    """Return what registered something when it was imported as a plug-in, in that order."""
    return tuple(_plugins.values())


def note_entry(module: str, kind: str, name: str, take_out: Callable[[], object]) -> None:
    """Remember that something is registered.

    Args:
        module: name of the module that does so.
        kind: the registry's kind.
        name: the entry's name.
        take_out: removes it, should the plug-in fail further on.
    """
    entered = _Entered(kind, name, take_out)
    if _importing:
        _importing[-1].append(entered)
    if module.partition(".")[0] != "istar":
        _entered.setdefault(module, []).append(entered)


def entries_so_far() -> tuple[tuple[str, str], ...]:
    """Return (kind of registry, name) of all that the plug-in which is being imported has registered until now."""
    return tuple((each.kind, each.name) for each in _importing[-1]) if _importing else ()


def modules_behind(entries: Collection[tuple[str, str]]) -> tuple[str, ...]:
    """Return the names of the modules, istar's apart, that registered some entries.

    Args:
        entries: (kind of registry, name) of each.
    """
    return tuple(
        module for module, theirs in _entered.items() if any((each.kind, each.name) in entries for each in theirs)
    )


def plugin_failure(error: BaseException) -> str | None:
    """Return where in a plug-in an error happened, and what it says; None if it passed through no plug-in's line."""
    files = {source.file.resolve() for each in _plugins.values() for source in each.sources.values()}

    def own(file: str) -> bool:
        return Path(file).resolve() in files

    passed = any(own(frame.filename) for frame in traceback.extract_tb(error.__traceback__))
    return failure(error, own) if passed else None


@contextmanager
def importing(module: str, what: str) -> Iterator[None]:
    """Import a plug-in inside: all that is registered meanwhile is its, and is taken out again if it fails.

    Args:
        module: the name under which it is imported.
        what: what it is called in an error.

    Raises:
        PluginError: it fails; the message names the innermost line of the user's.
    """
    entered: list[_Entered] = []
    before = set(sys.modules)
    _importing.append(entered)
    try:
        yield
        sources = sources_of([module])
        unnamed = sources_of(sorted(set(sys.modules) - before - set(sources)))
    except BaseException as error:
        for each in reversed(entered):
            each.take_out()
            for others in _entered.values():
                if each in others:
                    others.remove(each)
        if isinstance(error, PluginError) or not isinstance(error, Exception | SystemExit):
            raise
        raise PluginError(f"{what} cannot be imported: {failure(error)}") from error
    finally:
        _importing.pop()
    # what was imported before it was asked for as a plug-in has registered its entries then
    earlier = [each for name in (*sources, *unnamed) for each in _entered.get(name, ())]
    if entered or earlier:
        known = _plugins.get(module)
        entries = (*(known.entries if known else ()), *((each.kind, each.name) for each in (*earlier, *entered)))
        _plugins[module] = Plugin(module, tuple(dict.fromkeys(entries)), sources | unnamed, tuple(unnamed))


def sources_of(modules: list[str]) -> dict[str, Source]:
    """Return what modules and the user's modules that they may import are made of, by name."""
    found: dict[str, Source] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        source = None if name in found else users_source(name)
        if source is not None:
            found[name] = source
            waiting += imported_names(source.text, name, source.package)
    return found
