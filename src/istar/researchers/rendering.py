"""From a sentence to a method file that a person can read and edit.

One channel alone is its primitive's file with the chosen constants. Several stand in one file, each a function that
returns what its own file would define, under functions of the contract that call them in turn.
"""

from __future__ import annotations

import ast
import textwrap

from istar.researchers.primitives import Channel
from istar.researchers.sentence import Sentence

JOINED = '''
def joined(parts: dict[str, Interpretation]) -> Interpretation:
    """Put what the channels learned together, under their numbers."""
    tensors = {f"{slot}.{name}": tensor for slot, own in parts.items() for name, tensor in own.tensors.items()}
    return Interpretation(tensors, {slot: interpretation.data for slot, interpretation in parts.items()})


def part(interpretation: Interpretation, slot: str) -> Interpretation:
    """Return what one channel learned, under its own names."""
    own = {name: tensor for name, tensor in interpretation.tensors.items() if name.startswith(f"{slot}.")}
    return Interpretation(
        {name.removeprefix(f"{slot}."): tensor for name, tensor in own.items()}, interpretation.data[slot]
    )
'''

IMPORTS = """
from __future__ import annotations
from collections.abc import Callable, Sequence
from typing import Any
import torch
from torch import Tensor
from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target
"""


def render_method(sentence: Sentence) -> str:
    """Return the text of the method file that a sentence stands for."""
    if len(sentence.channels) == 1:
        return sentence.channels[0].source
    slots = dict(enumerate(sentence.channels, 1))
    unpacked = [
        f"{', '.join(f'{name}_{slot}' for name in channel.primitive.functions)} = channel_{slot}()"
        for slot, channel in slots.items()
    ]
    definitions = [
        _title(slots),
        _imports([IMPORTS, *(channel.source for channel in sentence.channels)]),
        *(f"\n{_channel(slot, channel)}" for slot, channel in slots.items()),
        "\n" + "\n".join(unpacked),
        *(f"\n{definition}" for definition in (_interpret(slots), _prepare(slots), _predict(slots)) if definition),
        JOINED.rstrip(),
    ]
    return "\n\n".join(definitions) + "\n"


def _title(slots: dict[int, Channel]) -> str:
    lines = "\n".join(
        textwrap.fill(f"{slot}. {channel.title}.", 118, subsequent_indent="   ") for slot, channel in slots.items()
    )
    return f'"""{len(slots)} methods side by side, composed of the grammar\'s words.\n\n{lines}\n"""'


def _imports(sources: list[str]) -> str:
    """Return what these files import, each name once, in the order a linter wants."""
    modules: set[str] = set()
    members: dict[str, set[str]] = {}
    for source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                members.setdefault(str(node.module), set()).update(alias.name for alias in node.names)
    lines = [(_section(module), 0, module, f"import {module}") for module in modules]
    for module, names in members.items():
        line = f"from {module} import {', '.join(sorted(names, key=_case))}"
        if len(line) > 120:
            inner = "".join(f"    {name},\n" for name in sorted(names, key=_case))
            line = f"from {module} import (\n{inner})"
        lines.append((_section(module), 1, module, line))
    sections = sorted({section for section, *_ in lines})
    return "\n\n".join("\n".join(line[-1] for line in sorted(lines) if line[0] == section) for section in sections)


def _section(module: str) -> int:
    """Return the place of a module's section among the imports: future, standard library, third party, own."""
    package = module.partition(".")[0]
    return {"__future__": 0, "torch": 2, "jaxtyping": 2, "istar": 3}.get(package, 1)


def _case(name: str) -> tuple[int, str]:
    """Return the order of imported names: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def _channel(slot: int, channel: Channel) -> str:
    """Return a function that defines what the channel's file defines, and returns its functions of the contract."""
    tree = ast.parse(channel.source)
    lines = channel.source.splitlines()
    last = max(node.end_lineno or 0 for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)))
    body = "\n".join(lines[last:]).strip("\n").replace("\n\n\n", "\n\n")
    docstring = f'"""{ast.get_docstring(tree) or channel.title}\n"""'
    returned = f"return {', '.join(channel.primitive.functions)}"
    inside = textwrap.indent(f"{docstring}\n\n{body}\n\n{returned}", "    ")
    return f"def channel_{slot}() -> tuple[Callable[..., Any], ...]:\n{inside}"


def _interpret(slots: dict[int, Channel]) -> str:
    calls = "\n".join(f'            "{slot}": interpret_{slot}(target, corpus),' for slot in slots)
    return (
        "def interpret(target: Target, corpus: Corpus) -> Interpretation:\n"
        '    """Learn from generic text what each channel needs, once per target."""\n'
        f"    return joined(\n        {{\n{calls}\n        }}\n    )"
    )


def _prepare(slots: dict[int, Channel]) -> str | None:
    preparing = [slot for slot, channel in slots.items() if "prepare" in channel.primitive.functions]
    if not preparing:
        return None
    calls = "\n".join(
        f'        "{slot}": prepare_{slot}(question, target, part(interpretation, "{slot}")),' for slot in preparing
    )
    return (
        "def prepare(question: QuestionView, target: Target, interpretation: Interpretation) -> dict[str, Any]:\n"
        '    """Compute what the runs of a question share, once per question."""\n'
        f"    return {{\n{calls}\n    }}"
    )


def _predict(slots: dict[int, Channel]) -> str:
    lines = []
    for slot, channel in slots.items():
        prepared = f'prepared["{slot}"]' if "prepare" in channel.primitive.functions else "None"
        lines.append(
            f'        predict_{slot}(question, runs, target, part(interpretation, "{slot}"), prepared={prepared}),'
        )
    calls = "\n".join(lines)
    return (
        "def predict(\n"
        "    question: QuestionView, runs: Sequence[Run], target: Target, interpretation: Interpretation, "
        "prepared: Any\n"
        ") -> Tensor:\n"
        '    """Return the channels of these runs side by side."""\n'
        f"    channels = [\n{calls}\n    ]\n"
        "    return torch.cat(channels, dim=1)"
    )
