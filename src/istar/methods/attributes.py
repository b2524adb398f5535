"""Which attributes of values a method may name: closed by default for every type that can be enumerated.

The names of a target's parts depend on its architecture, so no list can hold all of them. The names that belong to
known types can be listed: of torch's tensors, modules and optimisers, of the target's model with its configuration
and caches, of Python's own types and of istar's objects. A name that one of these has is refused unless each of the
types that have it allows it. Where they disagree (`encode` of a target and of a text), the value is asked when it is
there; so are names that a file's own classes define, which may well be called like a tensor's refused method.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from istar.methods import attribute_lists as lists
from istar.methods.contract import MethodError

__all__ = [
    "OWNERS",
    "Owner",
    "asked",
    "attribute_refusal",
    "check_attribute",
    "class_of",
    "is_asked",
    "own_names",
    "refusal_on",
]


@dataclass(frozen=True)
class Owner:
    """A type whose attributes are closed to methods but for a list.

    Attributes:
        name: the type's module and name, as its class has them.
        names: the public names that it has.
        allowed: those of them that a method may name.
    """

    name: str
    names: frozenset[str]
    allowed: frozenset[str]


def _owners() -> tuple[Owner, ...]:
    live = [
        Owner(name_of(kind), frozenset(name for name in dir(kind) if not name.startswith("_")), allowed)
        for kind, allowed in lists.LIVE
    ]
    frozen = [Owner(name, allowed | refused, allowed) for name, (allowed, refused) in lists.FROZEN.items()]
    return (*live, *frozen)


def name_of(kind: type) -> str:
    """Return the name that a class goes by here: its module and its qualified name."""
    return f"{kind.__module__}.{kind.__qualname__}"


OWNERS: tuple[Owner, ...] = _owners()
"""Every type whose attributes are closed."""

_BY_TYPE = {owner.name: owner for owner in OWNERS}
_BY_ATTRIBUTE: dict[str, list[Owner]] = {
    name: [owner for owner in OWNERS if name in owner.names]
    for name in frozenset().union(*(each.names for each in OWNERS))
}


def attribute_refusal(name: str, own: frozenset[str] = frozenset()) -> tuple[str, str] | None:
    """Return why no value's attribute of this name may be named, and what to do instead; None if some may.

    Args:
        name: the attribute's name.
        own: names that the file's own classes define, see `own_names`.
    """
    if name.startswith("_"):
        return "underscored names are internals", "use public attributes"
    if name in lists.NEVER:
        return _split(lists.NEVER[name])
    owners = _BY_ATTRIBUTE.get(name, [])
    if not owners or name in own or any(name in owner.allowed for owner in owners):
        return None
    return _reason(name, owners)


def is_asked(name: str, own: frozenset[str] = frozenset()) -> bool:
    """Return whether a value is asked, when it is there, if its attribute of this name may be named."""
    owners = _BY_ATTRIBUTE.get(name, [])
    allowing = [owner for owner in owners if name in owner.allowed]
    return len(allowing) < len(owners) and (bool(allowing) or name in own)


@lru_cache(4096)  # bounded, since every loading of a method makes new classes
def refusal_on(kind: type, name: str) -> str | None:
    """Return why this attribute of values of this class is closed, with what to do instead, or None if it is open."""
    known = [_BY_TYPE[each] for each in map(name_of, kind.__mro__) if each in _BY_TYPE]
    owners = [owner for owner in known if name in owner.names and name not in owner.allowed]
    if not owners:
        return None
    why, instead = _reason(name, owners)
    return f"{why}; {instead}"


def class_of(value: object) -> type:
    """Return the class whose attributes a value has: its own if it is one, and of `super` what it was made for."""
    if type(value) is super:
        return object.__getattribute__(value, "__self_class__") or super
    return value if isinstance(value, type) else type(value)


def check_attribute(value: object, name: str) -> None:
    """Raise `MethodError` if methods may not name this attribute of this value, an object or a class.

    Args:
        value: what has the attribute.
        name: a name that `attribute_refusal` lets through.
    """
    kind = class_of(value)
    closed = refusal_on(kind, name)
    if closed is not None:
        raise MethodError(f"the attribute {name!r} of a {kind.__name__} is closed to methods: {closed}")


def asked(value: object, name: str) -> object:
    """Return an attribute of a value if methods may name it, see `check_attribute`."""
    check_attribute(value, name)
    return getattr(value, name)


def own_names(tree: ast.AST) -> frozenset[str]:
    """Return the names that the classes of a file define: methods, fields, and attributes set on `self`."""
    found: set[str] = set()
    for each in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        for node in ast.walk(each):
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                found.add(node.attr)
        for statement in each.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            targets += [statement.target] if isinstance(statement, ast.AnnAssign) else []
            found.update(target.id for target in targets if isinstance(target, ast.Name))
    return frozenset(found)


def _reason(name: str, owners: Iterable[Owner]) -> tuple[str, str]:
    if name in lists.REASONS:
        return _split(lists.REASONS[name])
    kinds = ", ".join(sorted({owner.name.removeprefix("builtins.") for owner in owners}))
    advice = lists.INSTEAD.get(name) or lists.INSTEAD.get(name.removesuffix("_"))
    return (
        f"it is not among the attributes of {kinds} that methods may use",
        advice or "use another; the list is `istar.methods.attribute_lists` (one of your own needs another name)",
    )


def _split(text: str) -> tuple[str, str]:
    reason, _, instead = text.partition("; ")
    return reason, instead or "do without it"
