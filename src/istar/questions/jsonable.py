"""From JSON values back to what they described."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from istar.errors import IstarError

Parameters = ParamSpec("Parameters")
Described = TypeVar("Described")

MISFITS = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, ArithmeticError, RecursionError)
"""What values of other shapes and types make Python raise."""


class MalformedError(IstarError):
    """JSON values that describe nothing of the kind that was asked for."""


def frozen(value: Any) -> Any:
    """Return JSON lists as tuples, at any depth."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def describes(what: str) -> Callable[[Callable[Parameters, Described]], Callable[Parameters, Described]]:
    """Return a decorator for what makes something of JSON values: values that do not fit are a `MalformedError`."""

    def decorated(parse: Callable[Parameters, Described]) -> Callable[Parameters, Described]:
        @wraps(parse)
        def parsed(*arguments: Parameters.args, **options: Parameters.kwargs) -> Described:
            try:
                return parse(*arguments, **options)
            except MISFITS as error:
                reason = f"{type(error).__name__}: {error}"
                raise MalformedError(f"these values describe no {what} ({reason:.200}); write them anew") from error

        return parsed

    return decorated
