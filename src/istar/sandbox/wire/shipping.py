"""What of a user's plug-ins goes into a jail, and how little.

A worker meets readouts, interventions, their appliers, architectures and organisms; a plug-in that registers none of
them stays outside. Of the others the worker is sent the text, as it was when it was imported here, with that of the
user's modules which it imports; no file of theirs is mounted, so whatever lies beside them stays out of sight. The
methods of classes that derive from what no jail shows (families, executors, researchers, rewards) are left out of the
text: a method that knew how a family draws its questions could compute their answers in `interpret`, which is free.
Of a user's organism the adapter is mounted, and not the card, which says what there is to find.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from istar.modules import Source, imported_names
from istar.parsing import parsed
from istar.registrations import Plugin, loaded_plugins
from istar.registry import Registry
from istar.sandbox.wire.stand_ins import is_absent

WHEN_MADE = ("__init__", "__post_init__", "__init_subclass__")
"""Functions of a class that run when it is derived from or an object of it is made: they do nothing in a jail."""

LEFT_OUT = 'raise NotImplementedError("this is not in the jail")'


@dataclass(frozen=True)
class Shipment:
    """What a worker is given of a user's plug-ins.

    Attributes:
        modules: what they are made of, by name.
        plugins: names of the modules to import, in order.
        entries: (module, kind of registry, name) of what is registered then.
        organisms: folder of each organism that is not istar's own.
    """

    modules: Mapping[str, Source]
    plugins: tuple[str, ...]
    entries: tuple[tuple[str, str, str], ...]
    organisms: Mapping[str, Path]

    def to_bytes(self) -> bytes:
        """Return the shipment as JSON."""
        modules = {name: [str(each.file), each.text, each.package] for name, each in self.modules.items()}
        organisms = {name: str(folder) for name, folder in self.organisms.items()}
        return json.dumps([modules, self.plugins, self.entries, organisms]).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Shipment:
        """Return the shipment that `to_bytes` wrote."""
        modules, plugins, entries, organisms = json.loads(content)
        return cls(
            {name: Source(Path(file), text, package) for name, (file, text, package) in modules.items()},
            tuple(plugins),
            tuple((module, kind, name) for module, kind, name in entries),
            {name: Path(folder) for name, folder in organisms.items()},
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the jail has to show: adapters of organisms."""
        from istar.targets.organisms.registry import ADAPTER_FILE

        files = (folder / ADAPTER_FILE for folder in self.organisms.values())
        return tuple(file for file in files if file.is_file())


def registries() -> dict[str, Registry[Any]]:
    """Return the registries that a worker asks, by kind, organisms apart."""
    from istar.questions import INTERVENTIONS, READOUTS
    from istar.targets.anatomy import ARCHITECTURES
    from istar.targets.interventions import APPLIERS

    return {each.kind: each for each in (READOUTS, INTERVENTIONS, APPLIERS, ARCHITECTURES)}


def shipment() -> Shipment:
    """Return what a worker needs of the plug-ins there are.

    Raises:
        PluginError: one cannot be imported here.
    """
    from istar.targets.organisms.registry import FOLDER, ORGANISMS

    wanted = registries()
    for registry in wanted.values():
        len(registry)  # it loads what is plugged in
    specs = (ORGANISMS.get(name) for name in ORGANISMS)
    organisms = {spec.name: spec.folder.resolve() for spec in specs if spec.folder.parent != FOLDER}
    entries = [(each.module, kind, name) for each in loaded_plugins() for kind, name in each.entries if kind in wanted]
    modules: dict[str, Source] = {}
    plugins = []
    for plugin in loaded_plugins():
        if plugin.sources and any(module == plugin.module for module, _, _ in entries):
            plugins.append(plugin.module)
            modules |= _needed(plugin)
    return Shipment(modules, tuple(plugins), tuple(entries), organisms)


def _needed(plugin: Plugin) -> dict[str, Source]:
    """Return the plug-in's module and the user's modules that what is left of it imports, without what is left out."""
    found: dict[str, Source] = {}
    waiting = [plugin.module, *plugin.unnamed]
    while waiting:
        name = waiting.pop()
        source = plugin.sources.get(name)
        if source is None or name in found:
            continue
        text = without_hidden_methods(source.text, name)
        found[name] = Source(source.file, text, source.package)
        packages = name.split(".")[:-1]
        waiting += [".".join(packages[:length]) for length in range(1, len(packages) + 1)]
        waiting += imported_names(text, name, source.package)
    return found


def without_hidden_methods(text: str, module: str) -> str:
    """Return a module's text without the methods of classes that derive from what no jail shows, line for line.

    Args:
        text: the text.
        module: the name under which it is imported; what a class derives from is read off the class.
    """
    lines = text.split("\n")
    for function in _hidden_methods(parsed(text), vars(sys.modules[module]) if module in sys.modules else {}):
        first, last = function.body[0], function.body[-1]
        start, end = first.lineno, last.end_lineno or last.lineno
        column = first.col_offset
        if isinstance(first, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and first.decorator_list:
            start, column = first.decorator_list[0].lineno, first.col_offset
        before = lines[start - 1].encode()[:column].decode()
        lines[start - 1] = before + ("pass" if function.name in WHEN_MADE else LEFT_OUT)
        lines[start:end] = [""] * (end - start)
    return "\n".join(lines)


def _hidden_methods(tree: ast.Module, names: Mapping[str, Any]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions in the bodies of a module's classes that derive from what no jail shows."""
    for node in _statements(tree.body):
        if isinstance(node, ast.ClassDef):
            found = names.get(node.name)
            if isinstance(found, type) and any(is_absent(each.__module__) for each in found.__mro__):
                inside = _statements(node.body)
                yield from (each for each in inside if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield statements and those inside them, but not the insides of functions and classes."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _statements(ast.iter_child_nodes(node))
