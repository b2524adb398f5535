"""The manual of methods: pages made from the code that is installed, the contract, and an index of the library.

It is what those are shown who write methods without a shell at hand: language models, in whichever chair.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import istar.methods.tools
from istar.files import read_text
from istar.methods import language
from istar.methods.library import library_methods
from istar.methods.loading import read_source

_PAGES = {
    "contract": "istar.methods.contract",
    "target": "istar.targets.target",
    "corpus": "istar.targets.corpus",
    "runs": "istar.questions.runs",
    "readouts": "istar.questions.readouts",
    "interventions": "istar.questions.interventions",
    "structure": "istar.questions.structure",
    "questions": "istar.questions.question",
}
_LANGUAGE = "language"


def pages() -> dict[str, str]:
    """Return the module that each page is about, by the page's name; `language` is about what may be written."""
    tools = {f"tools.{each.name}": f"istar.methods.tools.{each.name}" for each in _tools()}
    return {**_PAGES, _LANGUAGE: "istar.methods.language", **tools}


def _tools() -> Iterator[pkgutil.ModuleInfo]:
    yield from pkgutil.iter_modules(istar.methods.tools.__path__)


@cache
def page(name: str) -> str:
    """Return a page: signatures and docstrings of a module, or what a method may import.

    Raises:
        KeyError: there is none of this name.
    """
    module = pages()[name]
    if name == _LANGUAGE:
        allowed = [f"- `{each}`: {' '.join(sorted(names))}" for each, names in language.MODULES.items()]
        return "\n".join(["# What a method may import, and which names of it", "", *allowed])
    return "\n\n".join([f"# {module}", *_documented(_tree(module), "")])


def _definition(module: str, name: str) -> ast.ClassDef:
    """Return a class as its module defines it."""
    return next(each for each in _tree(module).body if isinstance(each, ast.ClassDef) and each.name == name)


def _tree(module: str) -> ast.Module:
    path = importlib.import_module(module).__file__
    assert path is not None
    return ast.parse(read_text(Path(path)))


def _documented(node: ast.Module | ast.ClassDef, indent: str) -> Iterator[str]:
    """Yield the docstring of a module or class, and the signatures and docstrings of what is public in it."""
    if text := ast.get_docstring(node):
        yield "\n".join(f"{indent}{line}".rstrip() for line in text.splitlines())
    for each in node.body:
        if isinstance(each, ast.ClassDef) and not each.name.startswith("_"):
            bases = ", ".join(ast.unparse(base) for base in each.bases)
            yield f"{indent}class {each.name}({bases}):"
            yield from _documented(each, f"{indent}    ")
        elif isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
            returns = f" -> {ast.unparse(each.returns)}" if each.returns else ""
            yield f"{indent}def {each.name}({ast.unparse(each.args)}){returns}:"
            if text := ast.get_docstring(each):
                yield "\n".join(f"{indent}    {line}".rstrip() for line in text.splitlines())


@cache
def method_index() -> Mapping[str, str]:
    """Return the first line of what each method of the library says of itself, by name."""
    return {name: _first_line(read_source(path)) for name, path in library_methods().items()}


def _first_line(source: str) -> str:
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def contract() -> str:
    """Return the signatures of a method's functions with the first line about each, from the contract's own page."""
    lines = []
    for function, protocol in (
        ("interpret", "InterpretFunction"),
        ("prepare", "PrepareFunction"),
        ("predict", "PredictFunction"),
    ):
        kind = _definition("istar.methods.contract", protocol)
        call = next(each for each in kind.body if isinstance(each, ast.FunctionDef))
        names = ", ".join(each.arg for each in call.args.args if each.arg != "self")
        summary = (ast.get_docstring(kind) or "").removeprefix(f"`{function}`: ")
        lines += [f"def {function}({names}):", f'    """{summary[0].upper()}{summary[1:]}"""', ""]
    return "\n".join(lines).strip()
