"""What stands in a jail for the packages of istar that are not there, while a user's plug-ins are imported.

A plug-in may hold a family beside a readout, and so imports `istar.tasks`, which no jail shows. There its names are
stand-ins: they can be imported, called, derived from and used as decorators, so that the rest of the file runs, and
nothing comes of it. They are gone from the import system once the plug-ins are loaded.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from abc import ABCMeta
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import istar
from istar.errors import IstarError
from istar.sandbox.jail.mounts import PACKAGES_IN_JAIL

ROOT = "istar"


def is_absent(module: str) -> bool:
    """Whether a module belongs to a package of istar that no jail shows."""
    root, _, rest = module.partition(".")
    package = rest.partition(".")[0]
    if root != ROOT or not package or package in PACKAGES_IN_JAIL:
        return False
    return not (Path(istar.__file__).parent / f"{package}.py").is_file()


class _Absent(ABCMeta):
    """The class of stand-ins, each of which is a class itself: it may be derived from, and called like a function."""

    def is_stand_in(cls) -> bool:
        """Whether this is one, and no class that a plug-in derives from one."""
        return "stands_in" in vars(cls)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _stand_in(f"{cls.__qualname__}.{name}", cls.__module__)

    def register(cls, *arguments: Any) -> Any:
        """Be a registry's decorator, where Python's abstract classes have something else of this name."""
        return cls if cls.is_stand_in() else super().register(*arguments)

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        """Return what is decorated, an object of a class that derives from a stand-in, or the stand-in."""
        if not cls.is_stand_in() or issubclass(cls, Exception):
            return super().__call__(*arguments, **options)
        decorated = arguments[0] if len(arguments) == 1 and not options else None
        return decorated if callable(decorated) else cls

    def __getitem__(cls, _parameters: Any) -> Any:
        return cls

    __iter__ = None  # or Python would go through `cls[0]`, `cls[1]` and so on for ever

    def __contains__(cls, _name: object) -> bool:
        return False

    def __repr__(cls) -> str:
        return (
            f"<{cls.__module__}.{cls.__qualname__}, which is not in the jail>"
            if cls.is_stand_in()
            else type.__repr__(cls)
        )


class _Base(metaclass=_Absent):
    """What is derived from a stand-in takes any arguments."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Take no notice of them."""


def _stand_in(name: str, module: str) -> Any:
    base = IstarError if name.endswith("Error") else _Base
    return _Absent(name, (base,), {"__module__": module, "__qualname__": name, "stands_in": True})


class _AbsentModule(ModuleType):
    """A module whose every name is a stand-in."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _stand_in(name, self.__name__)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules that are not in the jail."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See the base class."""
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if is_absent(name) else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """See the base class."""
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """See the base class."""


@contextmanager
def stand_ins() -> Iterator[None]:
    """Let the packages that are not in the jail be imported, and forget them afterwards.

    It is the same without a jail, where they are on the disk: a plug-in works alike under every tier.
    """
    finder, before = _Finder(), {name: module for name, module in sys.modules.items() if is_absent(name)}
    _forget(before)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _forget([name for name in sys.modules if is_absent(name)])
        sys.modules.update(before)
        for name, module in before.items():
            parent, _, own = name.rpartition(".")
            setattr(sys.modules[parent], own, module)


def _forget(names: Iterable[str]) -> None:
    for name in sorted(names, reverse=True):  # what is in a package goes before the package
        parent, _, own = name.rpartition(".")
        vars(sys.modules[parent]).pop(own, None)
        del sys.modules[name]
