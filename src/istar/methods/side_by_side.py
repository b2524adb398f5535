"""Methods side by side: one file from several, and its recording from theirs.

Several methods stand in one file, each a function that returns what its own file would define, under functions of the
contract that call them in turn. Such a file says and costs what its parts say and cost, so none of it has to be run
once the parts were: their recordings are put together, to the last bit and FLOP. Which parts a file has is data that
goes with it; nothing is read out of its text.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from istar.flops.histograms import added_up
from istar.methods.contract import Interpretation
from istar.methods.language import SIGNATURES
from istar.methods.recorder import CHANNELS_LIMIT
from istar.methods.recording import ChannelBatch, Recording
from istar.parsing import parsed

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
from collections.abc import Callable, Sequence
from typing import Any
import torch
from torch import Tensor
from istar.methods import Interpretation
from istar.questions import QuestionView, Run
from istar.targets import Corpus, Target
"""


CONCATENATION = "cat"
"""The one operation that a file of several adds: a FLOP a number."""

FUTURE = "__future__"
SEVERAL = "several things"
"""What a name stands for that is given more than one meaning."""


@dataclass(frozen=True)
class Part:
    """A method among others.

    Attributes:
        source: the text of its file: a docstring, imports, then constants and definitions.
        title: a sentence for people.
    """

    source: str
    title: str = ""

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions of the contract that the file defines, in the order in which they are called."""
        defined = {node.name for node in _kept_tree(self.source).body if isinstance(node, ast.FunctionDef)}
        return tuple(name for name in SIGNATURES if name in defined)


@dataclass(frozen=True)
class MethodFile:
    """A method's file with what it puts side by side.

    Attributes:
        source: its text.
        parts: the methods that it puts side by side, two or more; none of a method of its own.
    """

    source: str
    parts: tuple[Part, ...] = ()


@lru_cache(maxsize=1024)
def _kept_tree(source: str) -> ast.Module:
    """Return the syntax tree of a file; a search writes the same parts again and again."""
    return parsed(source)


def written_side_by_side(parts: Sequence[Part]) -> str:
    """Return the text of a method file that gives the channels of several, those of the first before the others'."""
    slots = dict(enumerate(parts, 1))
    unpacked = [
        f"{', '.join(f'{name}_{slot}' for name in part.functions)} = channel_{slot}()" for slot, part in slots.items()
    ]
    definitions = [
        _title(slots),
        _imports([IMPORTS, *(part.source for part in parts)]),
        *(f"\n{_channel(slot, part)}" for slot, part in slots.items()),
        "\n" + "\n".join(unpacked),
        *(f"\n{definition}" for definition in (_interpret(slots), _prepare(slots), _predict(slots)) if definition),
        JOINED.rstrip(),
    ]
    return "\n\n".join(definitions) + "\n"


def put_side_by_side(parts: Sequence[Part]) -> MethodFile:
    """Return the file of several methods; where they get in each other's way it has no parts, and is run whole."""
    source = written_side_by_side(parts)
    return MethodFile(source, tuple(parts) if made_of(source, tuple(parts)) else ())


def made_of(source: str, parts: tuple[Part, ...]) -> bool:
    """Return whether a file puts these methods side by side, and each of them does there what it does alone.

    Each then stands there statement by statement, and every name that it takes from its imports, or from Python, means
    the same there: what another part imports, or the common file defines, may hide it.
    """
    try:
        if len(parts) < 2 or source != written_side_by_side(parts) or not all(map(_stands_whole, parts)):
            return False
        meanings = dict.fromkeys(_defined(parts), "defined here")
        for imported in (_imported(_kept_tree(each)) for each in (IMPORTS, *(part.source for part in parts))):
            if any(meanings.setdefault(name, meaning) != meaning for name, meaning in imported.items()):
                return False
        taken = [each for part in parts for each in _taken(part.source).items()]
        return FUTURE not in meanings and all(SEVERAL != meaning == meanings.get(name, "") for name, meaning in taken)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _defined(parts: Sequence[Part]) -> set[str]:
    """Return the names of what the common file of some parts defines at its top."""
    own = {node.name for node in _kept_tree(JOINED).body if isinstance(node, ast.FunctionDef)}
    channels = {f"channel_{slot}" for slot in range(1, len(parts) + 1)}
    return (
        own | channels | {f"{name}_{slot}" for slot in range(1, len(parts) + 1) for name in SIGNATURES} | {*SIGNATURES}
    )


@lru_cache(maxsize=1024)
def _stands_whole(part: Part) -> bool:
    """Return whether the function that stands for a part says what the file says: that texts keep their lines, too."""
    (function,) = parsed(_channel(1, part)).body
    assert isinstance(function, ast.FunctionDef)
    return _dumped(function.body)[:-1] == _dumped(parsed(part.source).body)


class _WithoutTexts(ast.NodeTransformer):
    """Leaves out statements that are a text alone, such as docstrings: their lines are indented anew."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        value = node.value
        return None if isinstance(value, ast.Constant) and isinstance(value.value, str) else node


def _dumped(statements: list[ast.stmt]) -> list[str]:
    """Return what statements do, imports and texts apart; the statements are changed."""
    tree = _WithoutTexts().visit(ast.Module(statements, []))
    return [ast.dump(node) for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what the names that a file imports at its top stand for; `FUTURE` itself where it imports from there."""
    found: list[tuple[str, str]] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            packages = [(alias, alias.name.partition(".")[0]) for alias in node.names]
            found += [(alias.asname or package, alias.name if alias.asname else package) for alias, package in packages]
        elif isinstance(node, ast.ImportFrom):
            found += [(alias.asname or alias.name, f"{node.module}: {alias.name}") for alias in node.names]
            found += [(FUTURE, FUTURE)] if node.module == FUTURE else []
    meanings: dict[str, str] = {}
    for name, meaning in found:
        meanings[name] = meaning if meanings.get(name, meaning) == meaning else SEVERAL
    return meanings


@lru_cache(maxsize=1024)
def _taken(source: str) -> dict[str, str]:
    """Return the names that a file takes from its imports, or from Python, and what they stand for."""
    top = symtable.symtable(source, "<method>", "exec")
    scopes = [top]
    for scope in scopes:
        scopes += scope.get_children()
    names = {each.get_name() for scope in scopes for each in scope.get_symbols() if scope is top or each.is_global()}
    imported = _imported(_kept_tree(source))
    defined = {each.get_name() for each in top.get_symbols() if each.is_assigned()}
    own = defined - imported.keys() - set(dir(builtins))  # a name that is both means one and then the other
    return {name: SEVERAL if name in defined else imported.get(name, "") for name in names - own}


def learned_side_by_side(parts: Sequence[Interpretation]) -> Interpretation:
    """Return what the `interpret` of several methods side by side returns, from what theirs returned."""
    tensors = {f"{slot}.{name}": tensor for slot, own in enumerate(parts, 1) for name, tensor in own.tensors.items()}
    return Interpretation(tensors, {str(slot): own.data for slot, own in enumerate(parts, 1)})


def recorded_side_by_side(
    method_hash: str,
    parts: Sequence[Recording],
    *,
    rows: int,
    max_flops: int | None,
    max_rows_fraction: float,
) -> Recording | None:
    """Return the recording of several methods side by side, from theirs on the same question with the same limits.

    It is what the recorder makes of their common file, but that each part keeps the random numbers it draws alone.

    Args:
        method_hash: hash of the common file.
        parts: the recordings, in the order of the parts.
        rows: how many rows the question has.
        max_flops: after which a recording ends; none if None.
        max_rows_fraction: the share of rows after which it ends.

    Returns:
        The recording; None where the parts do not tell: where it is cut off within a call, or gives too many channels.
    """
    if sum(part.channels for part in parts) > CHANNELS_LIMIT or not all(part.batches for part in parts):
        return None
    batches: list[ChannelBatch] = []
    prepared = spent = sum(part.prepare_flops for part in parts)
    done = numbers = 0
    complete = False
    while True:
        position = len(batches)
        complete = all(part.complete and len(part.batches) == position for part in parts)
        if complete or (max_flops is not None and spent > max_flops) or (done and done >= max_rows_fraction * rows):
            break
        if any(len(part.batches) <= position for part in parts):
            return None
        together = [part.batches[position] for part in parts]
        channels = np.concatenate([batch.channels for batch in together], axis=1)
        done += len(channels)
        numbers += channels.size
        by_op = added_up({CONCATENATION: numbers} if numbers else {}, *(batch.by_op for batch in together))
        spent = sum(batch.flops for batch in together) + numbers
        if sum(by_op.values()) != spent or (max_flops is not None and spent > 2 * max_flops):
            return None
        products = sum(batch.matmul_flops for batch in together)
        batches.append(ChannelBatch(together[0].rows, channels, spent, by_op, products))
    if not batches or any(part.unknown for part in parts):
        return None
    regions = {"prepare": prepared, "predict": spent - prepared}
    return Recording(
        method_hash=method_hash,
        question_hash=parts[0].question_hash,
        target=parts[0].target,
        rulebook=parts[0].rulebook,
        batches=tuple(batches),
        prepare_flops=prepared,
        by_op=batches[-1].by_op,
        by_region={name: flops for name, flops in regions.items() if flops},
        seconds=sum(part.seconds for part in parts),
        total_flops=spent,
        complete=complete,
        matmul_flops=batches[-1].matmul_flops,
    )


def _title(slots: Mapping[int, Part]) -> str:
    lines = "\n".join(
        textwrap.fill(f"{slot}. {part.title}.", 118, subsequent_indent="   ") for slot, part in slots.items()
    )
    return f'"""{len(slots)} methods side by side, composed of the grammar\'s words.\n\n{lines}\n"""'


def _imports(sources: list[str]) -> str:
    """Return what these files import, each name once, in the order a linter wants."""
    modules: set[str] = set()
    members: dict[str, set[str]] = {}
    for source in sources:
        for node in _kept_tree(source).body:
            if isinstance(node, ast.Import):
                modules |= {ast.unparse(alias) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                members.setdefault(str(node.module), set()).update(ast.unparse(alias) for alias in node.names)
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


@lru_cache(maxsize=1024)
def _channel(slot: int, part: Part) -> str:
    """Return a function that defines what the channel's file defines, and returns its functions of the contract."""
    tree = _kept_tree(part.source)
    lines = part.source.splitlines()
    last = max(node.end_lineno or 0 for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)))
    body = "\n".join(lines[last:]).strip("\n").replace("\n\n\n", "\n\n")
    docstring = f'"""{ast.get_docstring(tree) or part.title}\n"""'
    returned = f"return {', '.join(part.functions)}"
    inside = textwrap.indent(f"{docstring}\n\n{body}\n\n{returned}", "    ")
    return f"def channel_{slot}() -> tuple[Callable[..., Any], ...]:\n{inside}"


def _interpret(slots: Mapping[int, Part]) -> str:
    calls = "\n".join(f'            "{slot}": interpret_{slot}(target, corpus),' for slot in slots)
    return (
        "def interpret(target: Target, corpus: Corpus) -> Interpretation:\n"
        '    """Learn from generic text what each channel needs, once per target."""\n'
        f"    return joined(\n        {{\n{calls}\n        }}\n    )"
    )


def _prepare(slots: Mapping[int, Part]) -> str | None:
    preparing = [slot for slot, part in slots.items() if "prepare" in part.functions]
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


def _predict(slots: Mapping[int, Part]) -> str:
    lines = []
    for slot, part in slots.items():
        prepared = f'prepared["{slot}"]' if "prepare" in part.functions else "None"
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
        "    return torch.cat([torch.empty(len(runs), 0), *channels], dim=1)  # priced by the first one's type"
    )
