"""The base of all primitives: a typed word of the grammar.

A primitive is a frozen dataclass whose fields are declared with `choice`. It says which functions a method needs in
order to use it and how they are called; rendering pastes the functions' own sources, so what is tested here is what
a written method contains.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol

from istar.registry import Registry

PRIMITIVES: Registry[type[Primitive]] = Registry("primitive")


@dataclass(frozen=True)
class Choice:
    """The values a field may take.

    Attributes:
        options: the values; in ascending order where they are numbers.
    """

    options: tuple[Any, ...]


def choice(*options: Any) -> Any:
    """Declare a field that takes one of these values, the first being its default.

    Numbers are ordered: a sampler may treat neighbours as alike.
    """
    return field(default=options[0], metadata={"choice": Choice(options)})


class Sampler(Protocol):
    """What draws the choices: an Optuna trial."""

    def suggest_categorical(self, name: str, choices: Any, /) -> Any:
        """Return one of the choices."""

    def suggest_int(self, name: str, low: int, high: int, /) -> int:
        """Return a whole number from `low` to `high`."""


class Primitive(ABC):
    """Base class; a subclass is registered under `kind`.

    Attributes:
        kind: the registry name.
        functions: the functions a method that uses this primitive contains, helpers first.
    """

    kind: ClassVar[str]
    functions: ClassVar[tuple[Callable[..., Any], ...]] = ()

    @classmethod
    def draw(cls, sampler: Sampler, prefix: str) -> Primitive:
        """Return the primitive with every field drawn.

        Args:
            sampler: draws.
            prefix: put before the fields' names in the sampler's parameters.
        """
        drawn: dict[str, Any] = {}
        for each in fields(cls):  # type: ignore[arg-type]
            options = each.metadata["choice"].options
            name = f"{prefix}.{cls.kind}.{each.name}"
            if all(isinstance(option, (int, float)) and not isinstance(option, bool) for option in options):
                drawn[each.name] = options[sampler.suggest_int(name, 0, len(options) - 1)]
            else:
                drawn[each.name] = sampler.suggest_categorical(name, options)
        return cls(**drawn)

    @property
    @abstractmethod
    def title(self) -> str:
        """A phrase for people, such as "tuned lens at 0.85 of the depth"."""

    @property
    @abstractmethod
    def short(self) -> str:
        """A word for the method's name, such as `lens85`."""

    def interpret_call(self, slot: int) -> dict[str, str]:
        """Return the interpretation's tensors this primitive needs: name to the expression that makes it.

        Args:
            slot: number of the channel, from 1; makes names unique.
        """
        return {}

    def prepare_call(self, slot: int) -> str | None:
        """Return the expression to evaluate once per question, or None."""
        return None

    @abstractmethod
    def predict_call(self, slot: int) -> str:
        """Return the expression of this primitive's channels, a tensor of shape [runs, channels]."""
