"""The language fence: a static check of a method's source that names every fault before anything runs.

The meter counts what torch's dispatcher sees, so a method must do its arithmetic there and nowhere else, and must not
reach the meter, the truth or the machine. The fence is the first wall; restricted built-ins (`istar.methods.loading`)
and the sandbox stand behind it. What is allowed is listed in `istar.methods.language`.
"""

from __future__ import annotations

import ast
import builtins
import re

from istar.errors import printable
from istar.methods import language
from istar.methods.attribute_lists import INSTEAD
from istar.methods.attributes import attribute_refusal, own_names
from istar.methods.bounds import INTEGER_BITS, TEXT_LENGTH
from istar.methods.faults import Fault, FenceError
from istar.methods.signatures import contract_faults, describe, written
from istar.parsing import parsed

__all__ = ["SOURCE_BYTES_LIMIT", "Fault", "FenceError", "check_source"]

SOURCE_BYTES_LIMIT = 64 * 1024

CONSTANTS_LIMIT = 4096
"""Bytes that a file's texts and numbers may have, with one more for each element of a list and the like.

No method of the library has 300; a table of answers needs thousands.
"""

NAMES_LIMIT = 4096
"""Bytes of the different names in a file, which can hold a table too; no method of the library has 2,000."""

_SHAPE = re.compile(r"^\s*(?:(?:[*#?]*[A-Za-z0-9_]*|\.\.\.)\s*)*$")


def check_source(source: str) -> tuple[Fault, ...]:
    """Return every fault in a method's source, by line; none if it may be loaded."""
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        line = 1 + source.count("\n", 0, error.start)
        return (Fault(line, "a character that is no text", "it is half of a surrogate pair", "remove it"),)
    if size > SOURCE_BYTES_LIMIT:
        return (
            Fault(
                1,
                f"the file has {size} bytes",
                f"the limit is {SOURCE_BYTES_LIMIT}",
                "a method is code; learn numbers in `interpret` instead of writing them down",
            ),
        )
    try:
        tree = parsed(source)
    except SyntaxError as error:
        return (Fault(error.lineno or 1, "syntax error", str(error.msg), "correct the line"),)
    except (ValueError, RecursionError, MemoryError) as error:
        return (Fault(1, "the file cannot be parsed", str(error) or type(error).__name__, "simplify it"),)
    fence = _Fence(tree)
    try:
        fence.check()
    except RecursionError:
        return (Fault(1, "the file is nested too deeply", "the check cannot follow", "split the expression"),)
    return tuple(sorted(set(fence.faults)))


def _length(constant: object) -> int:
    """Return how many bytes a constant takes, at least; of a long integer, its hexadecimal digits."""
    if isinstance(constant, (str, bytes)):
        return len(constant.encode(errors="surrogatepass") if isinstance(constant, str) else constant)
    if isinstance(constant, int) and constant.bit_length() > 64:
        return constant.bit_length() // 4
    return len(repr(constant))


class _Fence(ast.NodeVisitor):
    """Walks one file and collects its faults."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.faults: list[Fault] = []
        self.modules: dict[str, str] = {}
        self.shapes: set[str] = set()
        self.bound: set[str] = set()
        self.checked: set[ast.AST] = set()
        self.own = own_names(tree)

    def fault(self, node: ast.AST, what: str, why: str, instead: str) -> None:
        # the file's own texts can be in it, and a terminal or a log may be where it is read
        self.faults.append(Fault(getattr(node, "lineno", 1), printable(what, 200), why, instead))

    def check(self) -> None:
        for node in ast.walk(self.tree):
            self._bind(node)
        self.faults.extend(contract_faults(self.tree))
        self._check_constants()
        self.visit(self.tree)

    # -- what the file binds ------------------------------------------------------------------------------------------

    def _bind(self, node: ast.AST) -> None:
        """Note every name the file binds, and which of them are modules."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                self.modules[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name, origin = alias.asname or alias.name, f"{node.module}.{alias.name}"
                if origin in language.MODULES:
                    self.modules[name] = origin
                elif node.module == "jaxtyping":
                    self.shapes.add(name)
                self.bound.add(name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)
        elif isinstance(node, ast.arg):
            self.bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            self.bound.add(node.name)

    # -- what the file holds ------------------------------------------------------------------------------------------

    def _check_constants(self) -> None:
        """Refuse a table that is written down; docstrings, which a method cannot read, do not count."""
        unread = {
            statement.value
            for node in ast.walk(self.tree)
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef))
            for statement in node.body[:1]
            if isinstance(statement, ast.Expr)
        }
        total = 0
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and node not in unread:
                total += _length(node.value)
            elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
                total += len(node.elts)
            elif isinstance(node, ast.Dict):
                total += 2 * len(node.values)
        if total > CONSTANTS_LIMIT:
            self.fault(
                self.tree,
                f"constants of {total} bytes",
                f"the limit is {CONSTANTS_LIMIT}",
                "a method is code; learn numbers and words in `interpret` instead of writing them down",
            )
        # `dict(name=1)` and texts of objects tell names
        fields = (getattr(node, field, None) for node in ast.walk(self.tree) for field in ("id", "attr", "arg", "name"))
        named = sum(len(name.encode()) for name in {each for each in fields if isinstance(each, str)})
        if named > NAMES_LIMIT:
            self.fault(
                self.tree,
                f"names of {named} bytes",
                f"the limit is {NAMES_LIMIT}",
                "use shorter or fewer names; learn numbers and words in `interpret` instead of writing them down",
            )

    # -- syntax -------------------------------------------------------------------------------------------------------

    def generic_visit(self, node: ast.AST) -> None:
        if type(node) not in language.NODES:
            self.fault(node, describe(node), "methods are written without it", "use plain functions and loops")
        super().generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        if node.handlers:
            self.fault(
                node.handlers[0],
                "an except clause",
                "it could swallow the meter's signal that the budget is spent",
                "test the condition beforehand with `if`; `try: ... finally: ...` alone is fine",
            )
        for inner in node.finalbody:
            for child in ast.walk(inner):
                if isinstance(child, (ast.Return, ast.Break, ast.Continue)):
                    self.fault(
                        child,
                        f"{describe(child)} inside finally",
                        "it swallows whatever was raised, the meter's signal too",
                        "move it behind the try statement",
                    )
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._check_binding(node, node.name)
        for keyword in node.keywords:
            self.fault(
                node,
                f"class {node.name} has the keyword {keyword.arg or '**'!r}",
                "metaclasses change what code means",
                "use a plain class",
            )
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name.startswith("__") and node.name not in language.SPECIAL_METHODS:
            self.fault(
                node,
                f"the special method `{node.name}`",
                "it changes what operators, attribute access or `with` mean",
                f"use a plain method; allowed are {', '.join(sorted(language.SPECIAL_METHODS))}",
            )
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr"):
            self.checked.add(node.func)
            name = node.args[1] if len(node.args) > 1 else None
            if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
                self.fault(
                    node,
                    f"`{node.func.id}` with a name that is computed",
                    "attribute names must be readable in the source",
                    "write the name as a text constant, or use a dictionary",
                )
            else:
                self._check_attribute_name(node, name.value)
            if node.args and isinstance(node.args[0], ast.Name) and node.args[0].id in self.modules:
                self.fault(node, f"`{node.func.id}` on a module", "it hides what is used", "write module.name")
        self.generic_visit(node)

    # -- imports ------------------------------------------------------------------------------------------------------

    def visit_alias(self, node: ast.alias) -> None:
        self._check_binding(node, node.asname or "")

    def visit_Import(self, node: ast.Import) -> None:
        self.generic_visit(node)
        for alias in node.names:
            if alias.name.startswith("istar."):
                self.fault(
                    node, f"`import {alias.name}`", "only some names are open", f"write `from {alias.name} import NAME`"
                )
            elif alias.name not in language.MODULES:
                self._refuse_module(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level or module not in language.MODULES:
            self._refuse_module(node, "." * node.level + module)
            return
        self.generic_visit(node)
        for alias in node.names:
            if alias.name == "*":
                self.fault(node, f"`from {module} import *`", "it hides what is used", "name what you need")
            elif alias.name not in language.MODULES[module]:
                self._refuse_member(node, module, alias.name)

    def _refuse_module(self, node: ast.AST, name: str) -> None:
        open_modules = sorted(language.MODULES)
        self.fault(
            node,
            f"import of {name!r}",
            "arithmetic outside torch cannot be metered, and files, processes and the network are closed",
            f"use torch, or one of: {', '.join(open_modules)}",
        )

    def _refuse_member(self, node: ast.AST, module: str, name: str) -> None:
        instead = language.INSTEAD.get(f"{module}.{name}")
        if module == "torch":  # whose functions are methods of tensors too
            instead = INSTEAD.get(name.removesuffix("_"))
        self.fault(
            node,
            f"`{module}.{name}`",
            f"it is not among the names of {module} that methods may use",
            instead or "use another operation; the list is `istar.methods.language.MODULES`",
        )

    # -- names and attributes -----------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        name = node.id
        if node in self.checked:
            return
        if not isinstance(node.ctx, ast.Load):
            if name in self.modules:
                self.fault(node, f"`{name}` is bound again", "it names a module", "use another name")
            self._check_binding(node, name)
            return
        if name in self.modules:
            self.fault(node, f"the module `{name}` as a value", "it hides what is used", f"write `{name}.NAME`")
        elif name in self.shapes:
            self.fault(
                node, f"`{name}` without a shape", "it serves annotations alone", f'write {name}[Tensor, "rows"]'
            )
        elif name.startswith("__"):
            self.fault(node, f"the name `{name}`", "double underscores are Python's own", "use another name")
        elif name in self.bound:
            return
        elif name in ("getattr", "hasattr"):
            self.fault(node, f"`{name}` as a value", "attribute names must be readable", "call it with a text constant")
        elif name not in language.BUILTINS:
            self._refuse_name(node, name)

    def _check_binding(self, node: ast.AST, name: str) -> None:
        """Refuse a name that would take the place of a guard (`istar.methods.guards`) or of Python's own."""
        if name.startswith("__"):
            self.fault(node, f"the name `{name}`", "double underscores are Python's own", "use another name")

    def _refuse_name(self, node: ast.AST, name: str) -> None:
        if name in language.REFUSED_BUILTINS:
            reason, _, instead = language.REFUSED_BUILTINS[name].partition("; ")
            self.fault(node, f"`{name}`", reason, instead or "do without it")
        elif hasattr(builtins, name):
            self.fault(node, f"`{name}`", "it is not among the built-in names methods may use", "do without it")
        else:
            self.fault(node, f"`{name}`", "nothing in the file defines it", "define or import it")

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bytes):
            self.fault(node, "bytes", "Python works on them uncounted", "use text, or a tensor of torch.uint8")
        elif isinstance(value, int) and value.bit_length() > INTEGER_BITS:
            self.fault(
                node,
                f"an integer of {value.bit_length()} bits",
                f"the limit is {INTEGER_BITS}: arithmetic on longer ones could not be metered",
                "use a float, or learn it in `interpret`",
            )
        elif isinstance(value, str) and len(value) > TEXT_LENGTH:
            self.fault(
                node,
                f"a text of {len(value)} characters",
                f"the limit is {TEXT_LENGTH}",
                "a method is code; learn from the corpus instead of writing it down",
            )

    def visit_arg(self, node: ast.arg) -> None:
        self._check_binding(node, node.arg)
        if node.arg in self.modules:
            self.fault(node, f"the parameter `{node.arg}`", "it names a module", "use another name")
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in self.shapes:
            self.checked.add(node.value)
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else []
            shape = parts[1] if len(parts) == 2 else None
            text = shape.value if isinstance(shape, ast.Constant) else None
            if not isinstance(text, str) or not _SHAPE.match(text):
                self.fault(
                    node,
                    f"the shape in `{written(node)}`",
                    "shapes with expressions are evaluated as code",
                    'write plain dimension names, such as Float[Tensor, "rows channels"]',
                )
            if parts:
                self.visit(parts[0])
            return
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        module = self._module(node.value)
        if module is not None:
            for inner in ast.walk(node.value):
                self.checked.add(inner)
            if node.attr not in language.MODULES.get(module, frozenset()):
                if module in language.MODULES:
                    self._refuse_member(node, module, node.attr)
            elif f"{module}.{node.attr}" in language.MODULES and node not in self.checked:
                self.fault(
                    node, f"the module `{module}.{node.attr}` as a value", "it hides what is used", "name a member"
                )
            if not isinstance(node.ctx, ast.Load):
                self.fault(node, f"assignment to `{written(node)}`", "it changes a module", "use a variable")
            return
        initialiser = (
            node.attr == "__init__"
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
            and node.value.func.id == "super"
        )
        if node.attr == "data" and "data" not in self.own:
            if not (isinstance(node.value, ast.Name) and node.value.id == "interpretation"):
                self.fault(node, "the attribute `data`", "on a tensor it changes it unseen", "use detach()")
        elif not initialiser:
            self._check_attribute_name(node, node.attr)
        if not isinstance(node.ctx, ast.Load) and not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            self.fault(
                node,
                f"assignment to `{written(node)}`",
                "a method must leave the target and the question as they are, and keep nothing between questions",
                "assign to a variable or to an attribute of `self` in a class of your own",
            )
        self.generic_visit(node)

    def _module(self, node: ast.AST) -> str | None:
        """Return the dotted name of the module an expression stands for, if it stands for one."""
        if isinstance(node, ast.Name):
            return self.modules.get(node.id)
        if isinstance(node, ast.Attribute):
            parent = self._module(node.value)
            if parent is not None and f"{parent}.{node.attr}" in language.MODULES:
                return f"{parent}.{node.attr}"
        return None

    def _check_attribute_name(self, node: ast.AST, name: str) -> None:
        refusal = attribute_refusal(name, self.own)
        if refusal is not None:
            self.fault(node, f"the attribute `{name}`", *refusal)
