"""Structure columns: what both arms may know about each row without buying it.

A column has a role, and roles are all that the statistician, the nested batches and the reliability estimates know
about a question. A family states roles; nothing downstream names a family.

| role | meaning | example |
|---|---|---|
| `arm` | identifies what is compared; levels 0..n-1 | the prompt |
| `trait` | a categorical property of the arm; levels 0..n-1 | the prompt's separator |
| `switch` | 0 or 1, whether something is present | shot 3 is in the context |
| `nuisance` | an exchangeable replicate; levels 0..n-1 | the query, the example |
| `covariate` | a number known for nothing | the length in tokens |
| `sealed` | 1 for rows that nobody may buy or see, 0 for the others | the truth is what a spared model does |
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.errors import IstarError
from istar.questions.jsonable import describes

Role = Literal["arm", "trait", "switch", "nuisance", "covariate", "sealed"]


class StructureError(IstarError):
    """Columns that contradict their roles or one another."""


@dataclass(frozen=True)
class Column:
    """One structure column.

    Attributes:
        name: unique within the question.
        role: see the module's table.
        values: one float per row; categorical roles hold whole numbers.
    """

    name: str
    role: Role
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that the values fit the role."""
        if self.role not in get_args(Role):
            raise StructureError(f"column {self.name!r}: role {self.role!r} is none of {', '.join(get_args(Role))}")
        array = self.array
        if not np.isfinite(array).all():
            raise StructureError(f"column {self.name!r} holds values that are not finite")
        if self.role in ("switch", "sealed") and not np.isin(array, (0, 1)).all():
            role = "a switch" if self.role == "switch" else "sealed"
            raise StructureError(f"column {self.name!r} is {role} and may hold only 0 and 1")
        if self.role in ("arm", "trait", "nuisance") and ((array < 0) | (array != np.floor(array))).any():
            raise StructureError(f"column {self.name!r} is a {self.role} and may hold only whole numbers from 0")

    @property
    def array(self) -> Float[np.ndarray, " rows"]:
        """The values as an array."""
        return np.asarray(self.values, dtype=np.float64)


@dataclass(frozen=True)
class Structure:
    """The structure columns of a question, of equal length.

    Attributes:
        columns: in the order the family states.
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        """Check names and lengths."""
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise StructureError(f"two structure columns share a name: {names}")
        if len({len(column.values) for column in self.columns}) != 1:
            raise StructureError("structure columns differ in length, or there are none")

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.columns[0].values)

    def __getitem__(self, name: str) -> Float[np.ndarray, " rows"]:
        """Return the values of one column.

        Raises:
            StructureError: no column has this name.
        """
        for column in self.columns:
            if column.name == name:
                return column.array
        raise StructureError(f"there is no column {name!r}; there are {[column.name for column in self.columns]}")

    def levels(self, name: str) -> Int[np.ndarray, " rows"]:
        """Return a categorical column as integers."""
        return self[name].astype(np.int64)

    def of(self, role: Role) -> tuple[Column, ...]:
        """Return the columns that have this role."""
        return tuple(column for column in self.columns if column.role == role)

    @property
    def sealed(self) -> Bool[np.ndarray, " rows"]:
        """Which rows nobody may buy or see: the truth depends on them, and they are predicted from the others."""
        sealed: Bool[np.ndarray, " rows"] = sum((column.array for column in self.of("sealed")), np.zeros(self.rows)) > 0
        return sealed

    def take(self, keep: Int[np.ndarray, " kept"] | Bool[np.ndarray, " rows"]) -> Structure:
        """Return the structure of a selection of rows."""
        return type(self)(
            tuple(Column(column.name, column.role, tuple(column.array[keep].tolist())) for column in self.columns)
        )

    def to_json(self) -> list[dict[str, Any]]:
        """Return the columns as JSON values."""
        return [{"name": column.name, "role": column.role, "values": list(column.values)} for column in self.columns]


class StructureView(Structure):
    """The structure as a method is given it: plain numbers, as arithmetic on arrays of numpy could not be metered."""

    def __getitem__(self, name: str) -> tuple[float, ...]:  # type: ignore[override]
        """Return the values of one column.

        Raises:
            StructureError: no column has this name.
        """
        return tuple(super().__getitem__(name).tolist())


@describes("structure")
def structure_from_json(data: Iterable[dict[str, Any]]) -> Structure:
    """Return the structure that `to_json` described."""
    return Structure(tuple(Column(item["name"], item["role"], tuple(item["values"])) for item in data))
