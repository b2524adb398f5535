"""Registries: how families, readouts, executors, researchers and rewards are found by name.

A registry maps a stable name to a class or an instance. Entries come from decorators in our own packages, from the
entry-point group `istar.<kind>` of installed packages, and from the files that `ISTAR_PLUGINS` names, so that a user's
extension needs no edit here.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import entry_points
from types import FrameType
from typing import Generic, TypeVar

from istar.errors import IstarError, UnknownNameError
from istar.plugins import GROUP, LOADING, load_plugins, note_origin, own_hint
from istar.registrations import importing, note_entry

Entry = TypeVar("Entry")


class DuplicateNameError(IstarError):
    """Two entries of one registry claim one name."""


class Registry(Generic[Entry]):
    """Named entries of one kind.

    Args:
        kind: what the entries are, in the singular; used in messages and, with underscores for spaces, as the
            entry-point group `istar.<kind>`.
        ours: our modules that register entries; they are imported before anybody else adds one or asks for one.
    """

    def __init__(self, kind: str, ours: Sequence[str] = ()) -> None:
        """See the class docstring."""
        self.kind = kind
        self._ours = tuple(ours)
        self._entries: dict[str, Entry] = {}
        self._plugins_loaded = False

    @property
    def group(self) -> str:
        """The entry-point group of installed packages that add entries."""
        return f"{GROUP}{self.kind.replace(' ', '_')}"

    def add(self, name: str, entry: Entry) -> Entry:
        """Register an entry and return it.

        Raises:
            DuplicateNameError: another entry has this name already.
        """
        caller = _caller()
        if caller.partition(".")[0] != "istar":
            self._load_ours()
        known = self._entries.get(name)
        if known is not None and known is not entry:
            raise DuplicateNameError(
                f"two entries of the registry of {self.kind}s are called {name!r}: {known!r} and {entry!r}; rename one"
            )
        self._entries[name] = entry
        home = getattr(entry, "__module__", None) or type(entry).__module__
        note_origin(home) or note_origin(caller)  # a user may add an object of our classes
        note_entry(caller, self.kind, name, lambda: None if known is entry else self._entries.pop(name, None))
        return entry

    def register(self, name: str) -> Callable[[Entry], Entry]:
        """Return a decorator that registers what it decorates under `name`."""
        return lambda entry: self.add(name, entry)

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Take back, when the block ends, whatever was added in it."""
        self._load_plugins()
        before = dict(self._entries)
        try:
            yield
        finally:
            self._entries.clear()
            self._entries.update(before)

    def get(self, name: str) -> Entry:
        """Return the entry of this name.

        Raises:
            UnknownNameError: there is none; the message lists the names there are and the closest one.
        """
        self._load_plugins()
        if name in self._entries:
            return self._entries[name]
        close = difflib.get_close_matches(name, self._entries, n=1)
        hint = f"; did you mean {close[0]!r}? There are" if close else "; there are"
        raise UnknownNameError(
            f"no {self.kind} is called {name!r}{hint}: {', '.join(self) or 'none'}.{own_hint(self.kind)}"
        )

    def _load_ours(self) -> None:
        with LOADING:
            waiting, self._ours = self._ours, ()  # what is imported now adds entries
            try:
                for module in waiting:
                    import_module(module)
            except BaseException:
                self._ours = waiting
                raise

    def _load_plugins(self) -> None:
        with LOADING:
            if self._plugins_loaded:
                return
            self._plugins_loaded = True  # what is imported now may ask this registry itself
            try:
                self._load_ours()
                load_plugins()
                for point in entry_points(group=self.group):
                    if point.name not in self._entries:
                        module = point.value.partition(":")[0]
                        with importing(module, f"{point.name!r} of the entry points {self.group!r}, in {module},"):
                            self.add(point.name, point.load())
            except BaseException:
                self._plugins_loaded = False  # whoever asks next is told the reason again
                raise

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in alphabetical order."""
        self._load_plugins()
        return iter(sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        """Whether an entry has this name."""
        self._load_plugins()
        return name in self._entries

    def __len__(self) -> int:
        """The number of entries."""
        self._load_plugins()
        return len(self._entries)


def _caller() -> str:
    """Return the name of the module that adds an entry."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__"))
