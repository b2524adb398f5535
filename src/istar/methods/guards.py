"""Guards in a method's code: calls that ask, when it runs, what its source does not tell.

- Before `self.x = 1`, whether `self` is an object of the method's own classes: the fence lets a method assign to
  attributes of `self` alone, but anything can be passed as `self`, torch's classes too.
- Before `x.encode`, whether `x` is of a type that allows this attribute, where not all types do.
- After sums, products, powers, shifts and texts that are put together, whether the result is an integer or a text
  beyond the bounds of `istar.methods.bounds`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from istar.methods.attributes import asked, check_attribute, is_asked
from istar.methods.bounds import WATCHED, bounded, watched, word
from istar.methods.contract import MethodError

__all__ = ["GUARDS", "guarded", "guards"]

OWN, ASKED, WATCHES, BOUNDED, WORD, KEY, INT = (
    "__own__",
    "__asked__",
    "__watched__",
    "__bounded__",
    "__word__",
    "__key__",
    "__int__",
)
_CONTAINER, _PLACE = "__container__", "__place__"

_IN_PLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd,
    ast.Sub: operator.isub,
    ast.Mult: operator.imul,
    ast.Mod: operator.imod,
    ast.Pow: operator.ipow,
    ast.LShift: operator.ilshift,
    ast.RShift: operator.irshift,
    ast.BitAnd: operator.iand,
    ast.BitOr: operator.ior,
    ast.BitXor: operator.ixor,
}
"""The operators whose results are looked at, done in place; `%` puts texts together."""

_WITHIN: dict[type[ast.operator], str] = {
    kind: WORD if kind in (ast.LShift, ast.RShift, ast.BitAnd, ast.BitOr, ast.BitXor) else BOUNDED for kind in _IN_PLACE
}


def _name(kind: type[ast.operator]) -> str:
    return f"__{kind.__name__.lower()}__"


GUARDS: frozenset[str] = frozenset({OWN, ASKED, WATCHES, BOUNDED, KEY, WORD, INT, *map(_name, _IN_PLACE)})
"""What guards are called in a method's code; the fence refuses such names in its source."""

Node = TypeVar("Node", bound=ast.AST)


class _Key:
    """Returns what it is indexed with, slices as slices."""

    def __getitem__(self, key: object) -> object:
        return key


def guards(module: str) -> dict[str, Any]:
    """Return what the guards in a method's code call, by name.

    Args:
        module: the name of the method's own module.
    """
    return {
        OWN: partial(_own, module),
        ASKED: asked,
        WATCHES: _asked_and_watched,
        BOUNDED: bounded,
        WORD: word,
        KEY: _Key(),
        INT: int,
        **{_name(kind): function for kind, function in _IN_PLACE.items()},
    }


def guarded(tree: ast.Module, own: frozenset[str]) -> ast.Module:
    """Return a method's code with its guards.

    Args:
        tree: the code; it is changed.
        own: names that its classes define.
    """
    _Guards(own).visit(tree)
    return ast.fix_missing_locations(tree)


class _Guards(ast.NodeTransformer):
    def __init__(self, own: frozenset[str]) -> None:
        self.own = own

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            node.value = _call(OWN, node, node.value)
        elif node.attr in WATCHED:
            return _call(WATCHES, node, node.value, ast.Constant(node.attr))
        elif is_asked(node.attr, self.own):
            return _call(ASKED, node, node.value, ast.Constant(node.attr))
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        within = _WITHIN.get(type(node.op))
        return node if within is None else _call(within, node, node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        for part in node.values:
            self.visit(part)
        return _call(BOUNDED, node, node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.FormattedValue:
        node.value = self.visit(node.value)
        if isinstance(node.format_spec, ast.JoinedStr):  # which has to stay one
            for part in node.format_spec.values:
                self.visit(part)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        if type(node.op) not in _IN_PLACE:
            return node
        target = node.target
        if isinstance(target, ast.Subscript):
            return _in_place(node, target)
        # assigned once it was looked at: Python swallows what is raised where it finalises a generator
        again = ast.Name(target.id, ast.Load()) if isinstance(target, ast.Name) else target
        if isinstance(again, ast.Attribute):
            again = ast.Attribute(again.value, again.attr, ast.Load())
        value = _call(_WITHIN[type(node.op)], node, _call(_name(type(node.op)), node, again, node.value))
        return ast.copy_location(ast.Assign([target], value), node)

    def visit_keyword(self, node: ast.keyword) -> ast.keyword:
        self.generic_visit(node)
        if node.arg == "dtype":
            node.value = _plain_type(node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "to":
            node.args = [_plain_type(each) for each in node.args]
        return node


def _in_place(node: ast.AugAssign, target: ast.Subscript) -> list[ast.stmt]:
    """Return `x[k] += v` as statements that evaluate each part once, in Python's order, and look at the result."""
    held, place = ast.Name(_CONTAINER, ast.Load()), ast.Name(_PLACE, ast.Load())
    value = ast.Call(
        ast.Name(_name(type(node.op)), ast.Load()), [ast.Subscript(held, place, ast.Load()), node.value], []
    )
    statements: list[ast.stmt] = [
        ast.Assign([ast.Name(_CONTAINER, ast.Store())], target.value),
        ast.Assign([ast.Name(_PLACE, ast.Store())], ast.Subscript(ast.Name(KEY, ast.Load()), target.slice, ast.Load())),
        ast.Assign([ast.Subscript(held, place, ast.Store())], _call(_WITHIN[type(node.op)], node, value)),
        ast.Delete([ast.Name(_CONTAINER, ast.Del()), ast.Name(_PLACE, ast.Del())]),
    ]
    return [ast.copy_location(each, node) for each in statements]


def _plain_type(node: ast.expr) -> ast.expr:
    """Return the name of Python's own type where torch is told a type of elements, for which it takes no other."""
    return (
        ast.copy_location(ast.Name(INT, ast.Load()), node) if isinstance(node, ast.Name) and node.id == "int" else node
    )


def _call(name: str, node: ast.AST, *arguments: ast.expr) -> ast.Call:
    """Return a call of a guard, standing where a node stands."""
    call = ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
    return ast.copy_location(call, node)


def _own(module: str, value: object) -> object:
    """Return an object whose attributes a method may set, or raise `MethodError`."""
    if type(value).__module__ != module:
        raise MethodError(
            f"an attribute of a {type(value).__name__} is assigned to; a method may do so on objects of its own "
            "classes only"
        )
    return value


def _asked_and_watched(value: object, name: str) -> object:
    check_attribute(value, name)
    return watched(value, name)
