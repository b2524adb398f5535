"""From a sentence to a method file that a person can read and edit.

The file holds its title, the functions its primitives need (pasted from their own tested sources, each once), and
the two or three functions of the contract, which call them.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from istar.methods.language import MODULES
from istar.researchers.sentence import Sentence

IMPORTABLE = {
    "Callable": "collections.abc",
    "Iterator": "collections.abc",
    "Mapping": "collections.abc",
    "Sequence": "collections.abc",
    "contextmanager": "contextlib",
    "dataclass": "dataclasses",
    "field": "dataclasses",
    "replace": "dataclasses",
    "Any": "typing",
    "Tensor": "torch",
    **{name: module for module in ("istar.methods", "istar.questions", "istar.targets") for name in MODULES[module]},
}
"""The names a primitive's functions may use, and where a method file takes them from."""


def render_method(sentence: Sentence) -> str:
    """Return the text of the method file that a sentence stands for."""
    definitions = [*(_source(each) for each in _functions(sentence)), _interpret(sentence)]
    prepare = _prepare(sentence)
    if prepare is not None:
        definitions.append(prepare)
    definitions.append(_predict(sentence))
    body = "\n\n\n".join(definitions)
    return f"{_title(sentence)}\n\n{_imports(definitions)}\n\n\n{body}\n"


def _title(sentence: Sentence) -> str:
    lines = [f"{number}. {channel.title}" for number, channel in enumerate(sentence.channels, 1)]
    count = "One channel" if len(lines) == 1 else f"{len(lines)} channels"
    body = "\n".join(lines)
    return f'"""{count}, composed by the grammar researcher.\n\n{body}\n"""'


def _imports(definitions: Sequence[str]) -> str:
    """Return the import lines for the names that the definitions use, in the order a linter wants."""
    used = frozenset[str]().union(*map(_names, definitions))
    wanted = sorted((module, name) for name, module in IMPORTABLE.items() if name in used)
    by_module = {module: sorted(name for other, name in wanted if other == module) for module, _ in wanted}
    lines = {module: f"from {module} import {', '.join(names)}" for module, names in by_module.items()}
    standard = [line for module, line in lines.items() if module.partition(".")[0] not in ("torch", "istar")]
    torch = ["import torch", *(line for module, line in lines.items() if module == "torch")]
    own = [line for module, line in lines.items() if module.startswith("istar")]
    groups = [["from __future__ import annotations"], standard, torch, own]
    return "\n\n".join("\n".join(group) for group in groups if group)


@cache
def _names(definition: str) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(ast.parse(definition)) if isinstance(node, ast.Name))


def _functions(sentence: Sentence) -> list[Callable[..., Any]]:
    needed: dict[Callable[..., Any], None] = {}
    for channel in sentence.channels:
        needed.update(dict.fromkeys(channel.functions))
    return list(needed)


@cache
def _source(function: Callable[..., Any]) -> str:
    return textwrap.dedent(inspect.getsource(function)).rstrip()


def _interpret(sentence: Sentence) -> str:
    tensors: dict[str, str] = {}
    for slot, channel in enumerate(sentence.channels, 1):
        tensors.update(channel.interpret_call(slot))
    lines = ["def interpret(target: Target, corpus: Corpus) -> Interpretation:"]
    lines.append('    """Learn from generic text what the channels need, once per target."""')
    if tensors:
        lines.append("    tensors = {")
        lines += [f'        "{name}": {call},' for name, call in tensors.items()]
        lines += ["    }", "    return Interpretation(tensors=tensors, data={})"]
    else:
        lines.append("    return Interpretation(tensors={}, data={})")
    return "\n".join(lines)


def _prepare(sentence: Sentence) -> str | None:
    calls = {slot: channel.prepare_call(slot) for slot, channel in enumerate(sentence.channels, 1)}
    if not any(calls.values()):
        return None
    lines = ["def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> dict[str, Any]:"]
    lines.append('    """Compute what all runs of a question share, once per question."""')
    lines.append("    return {")
    lines += [f'        "{slot}": {call},' for slot, call in calls.items() if call]
    lines.append("    }")
    return "\n".join(lines)


def _predict(sentence: Sentence) -> str:
    lines = [
        "def predict(",
        "    question: QuestionView,",
        "    runs: Sequence[Run],",
        "    target: Target,",
        "    interpretation: Interpretation,",
        "    prepared: Any,",
        ") -> Tensor:",
        '    """Return the channels of these runs side by side."""',
        "    channels = [",
    ]
    lines += [f"        {channel.predict_call(slot)}," for slot, channel in enumerate(sentence.channels, 1)]
    lines += ["    ]", "    return torch.cat(channels, dim=1)"]
    return "\n".join(lines)
