"""Whether a method file defines what the contract asks for, and nothing but definitions."""

from __future__ import annotations

import ast

from istar.methods import language
from istar.methods.faults import Fault


def contract_faults(tree: ast.Module) -> list[Fault]:
    """Return the faults of a file's top level: missing functions, wrong parameters, anything but definitions."""
    faults = []
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name, parameters in language.SIGNATURES.items():
        signature = f"`def {name}({', '.join(parameters)})`"
        if name in functions:
            faults.extend(_signature_faults(functions[name], parameters, signature))
        elif name in language.REQUIRED:
            faults.append(
                Fault(
                    1,
                    f"there is no function `{name}`",
                    f"every method defines {' and '.join(language.REQUIRED)}",
                    f"add {signature} at the top level of the file",
                )
            )
    definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for node in tree.body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not isinstance(node, definitions) and not docstring:
            faults.append(
                Fault(
                    node.lineno,
                    f"{describe(node)} at the top level",
                    "loading a method may only define things",
                    "move it into `interpret`, `prepare` or `predict`",
                )
            )
    return faults


def describe(node: ast.AST) -> str:
    """Return what a piece of syntax is called."""
    names = {"Expr": "a bare expression", "For": "a for loop", "While": "a while loop", "If": "an if statement"}
    kind = type(node).__name__
    return names.get(kind, f"{kind.lower()} syntax")


def _signature_faults(node: ast.FunctionDef, parameters: tuple[str, ...], signature: str) -> list[Fault]:
    faults = []
    arguments = node.args
    given = tuple(argument.arg for argument in (*arguments.posonlyargs, *arguments.args))
    if given != parameters or arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
        faults.append(
            Fault(
                node.lineno,
                f"`{node.name}({written(arguments)})`",
                "the parameters are called in this order and by these names",
                f"write {signature}",
            )
        )
    if node.decorator_list:
        faults.append(
            Fault(node.lineno, f"`{node.name}` is decorated", "it is called as it stands", "remove the decorator")
        )
    return faults


def written(node: ast.AST) -> str:
    """Return code as text; code with an integer of more digits than Python writes out as three dots."""
    try:
        return ast.unparse(node)
    except ValueError:
        return "..."
