"""What an episode's reading tools answer: pages made from the code that is installed, methods, questions, curves."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import istar.methods.tools
from istar.files import read_text
from istar.methods import language
from istar.methods.library import library_methods
from istar.methods.loading import read_source
from istar.researchers import Trained

if TYPE_CHECKING:
    from istar.truth.table import Table

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


def definition(module: str, name: str) -> ast.ClassDef:
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


def question_index(tasks: Mapping[str, Sequence[Table]], rewarded: set[str]) -> list[dict[str, Any]]:
    """Return what is known of each question before it is read.

    Args:
        tasks: the questions by task.
        rewarded: hashes of those that the reward asks.
    """
    return [
        {
            "task": task,
            "question": table.question.hash,
            "index": table.question.index,
            "rows": len(table.question.runs),
            "brute_flops": table.brute_flops,
            "rewarded": table.question.hash in rewarded,
        }
        for task, tables in tasks.items()
        for table in tables
    ]


def question_rows(
    table: Table, rewarded: bool, first: int, rows: int, decode: Callable[[Sequence[int]], str]
) -> dict[str, Any]:
    """Return rows of a question with their values, and its answer, as JSON values.

    Args:
        table: the question.
        rewarded: whether the reward asks it.
        first: the first row.
        rows: how many.
        decode: gives the text of tokens.
    """
    question = table.question
    last = min(first + rows, len(question.runs))
    alone = table.prices.row_flops
    return {
        "task": question.task,
        "question": question.hash,
        "rewarded": rewarded,
        "functional": question.functional.to_json(),
        "structure": [{"name": each.name, "role": each.role} for each in question.structure.columns],
        "total_rows": len(question.runs),
        "brute_flops": table.brute_flops,
        "answer": table.answer.tolist(),
        "rows": [
            {
                "row": row,
                "text": decode(question.runs[row].tokens),
                **question.runs[row].to_json(),
                "structure": {each.name: each.values[row] for each in question.structure.columns},
                "flops_alone": int(alone[row]),
                "value": float(table.values[row]),
            }
            for row in range(first, last)
        ],
    }


def score_summary(scored: Trained, asked: Sequence[str]) -> dict[str, Any]:
    """Return a score without its curves.

    Args:
        scored: the score.
        asked: hashes of the questions that were to be asked.
    """
    reached = {each.question for each in scored.questions}
    return {
        "reward": scored.reward,
        "error": scored.error,
        "questions": [
            {
                "task": each.task,
                "question": each.question,
                "reward": each.reward,
                "cost": each.cost,
                "error": each.error,
            }
            for each in scored.questions
        ],
        "not_asked": [each for each in asked if each not in reached],
    }
