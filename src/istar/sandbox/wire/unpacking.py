"""The worker's end of `istar.sandbox.wire.shipping`: plug-ins are imported before any method's code is seen."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from istar.modules import Source, failure
from istar.plugins import PluginError, know_files
from istar.sandbox.jail.mounts import PACKAGES_IN_JAIL
from istar.sandbox.wire.shipping import Shipment, registries
from istar.sandbox.wire.stand_ins import stand_ins

ADVICE = (
    "Outside the jail it was imported without an error. A jail shows a plug-in no files but those of Python and of "
    f"installed packages, and of istar only {', '.join(PACKAGES_IN_JAIL)}; istar's other packages can be imported, "
    "called and derived from there, and do nothing. Read files inside a family's methods, or keep what a jail needs "
    "(readouts, interventions and their appliers, architectures) in a file of its own"
)


class _Shipped(importlib.abc.MetaPathFinder, importlib.abc.ExecutionLoader):
    """Finds a user's modules by name; their text came with the shipment."""

    def __init__(self, modules: Mapping[str, Source]) -> None:
        self._modules = modules

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        source = self._modules.get(name)
        if source is None:
            return None
        folders = [str(source.file.parent if source.file.suffix else source.file)] if source.package else None
        return importlib.util.spec_from_file_location(
            name, str(source.file), loader=self, submodule_search_locations=folders
        )

    def get_filename(self, name: str) -> str:
        return str(self._modules[name].file)

    def get_source(self, name: str) -> str:
        return self._modules[name].text

    def is_package(self, name: str) -> bool:
        return self._modules[name].package


def unpack(content: bytes) -> None:
    """Import what was shipped, and what installed packages announce.

    Args:
        content: a shipment; empty if there is none.

    Raises:
        PluginError: something fails here that did not fail outside.
    """
    given = Shipment.from_bytes(content) if content else Shipment({}, (), (), {})
    sys.meta_path.insert(0, _Shipped(given.modules))
    files = {str(each.file) for each in given.modules.values()}
    know_files(map(Path, files))
    with stand_ins():
        for name in given.plugins:
            with _in_jail(given.modules[name], files):
                importlib.import_module(name)
        for registry in registries().values():
            len(registry)  # it loads what installed packages announce
    _add_organisms(given)
    for module, kind, name in given.entries:
        if name not in registries()[kind]:
            raise PluginError(f"{module} registers the {kind} {name!r} outside the jail, and not in it. {ADVICE}")


@contextmanager
def _in_jail(source: Source, files: set[str]) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:
        told = failure(error, files.__contains__)
        raise PluginError(f"the plug-in {source.file} cannot be imported in a jail: {told}. {ADVICE}") from error


def _add_organisms(given: Shipment) -> None:
    from istar.targets.organisms.registry import ORGANISMS, OrganismSpec

    for name, folder in given.organisms.items():
        if name not in ORGANISMS:
            ORGANISMS.add(name, OrganismSpec(name, "user", folder))
