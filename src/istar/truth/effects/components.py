"""The model of a table: fixed effects, and random effects with a variance a group.

The value of arm a in replicate r is `fixed effects + g(a) + h_r(a)`. The common part g is what all replicates share,
h_r what is peculiar to one of them; each is a sum of Gaussian effects: main effects of arm columns and traits, switches
(main effects, pairs, triples), and what remains of a whole arm or a single cell. Every group has a kernel over
arms; its variance is learned from the task's other questions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from istar.questions import Column, Functional, Structure
from istar.truth.effects.grid import Grid, grid_of

REPLICATE = "own.replicate"
"""The component that is the level of a replicate: the same for all arms."""


@dataclass(frozen=True)
class ModelSpace:
    """What differences between rows may be attributed to.

    Attributes:
        grid: the rows as a grid.
        fixed_names: names of the fixed effects; "intercept" is the first.
        fixed: their features; not centred on anything that must be bought.
        common: correlation matrices over arms of the groups of g, by name.
        own: correlation matrices over arms of the groups of h_r, by name; "cell" is the identity.
    """

    grid: Grid
    fixed_names: tuple[str, ...]
    fixed: Float[np.ndarray, "arms replicates effects"]
    common: dict[str, Float[np.ndarray, "arms arms"]]
    own: dict[str, Float[np.ndarray, "arms arms"]]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all variance components."""
        return (*(f"common.{name}" for name in self.common), *(f"own.{name}" for name in self.own))


def _same(levels: Float[np.ndarray, " arms"]) -> Float[np.ndarray, "arms arms"]:
    same: Float[np.ndarray, "arms arms"] = (levels[:, None] == levels[None, :]).astype(np.float64)
    return same


def switch_kernels(switches: Float[np.ndarray, "arms switches"]) -> tuple[Float[np.ndarray, "arms arms"], ...]:
    """Return the correlation of effects of one, two and three switches at once.

    Switches are coded -1 and 1, so that the orders are orthogonal over all subsets (the Walsh basis); order k is the
    elementary symmetric polynomial of the products of two rows' codes, divided by the number of its terms.
    """
    count = switches.shape[1]
    inner = (2 * switches - 1) @ (2 * switches - 1).T
    orders = [inner / count]
    if count > 1:
        orders.append((inner**2 - count) / (count * (count - 1)))
    if count > 2:
        orders.append((inner**3 - (3 * count - 2) * inner) / (count * (count - 1) * (count - 2)))
    return tuple(orders)


def model_space(structure: Structure, functional: Functional) -> ModelSpace:
    """Return the model of a question; it depends on the columns' roles alone, never on the task.

    Args:
        structure: the rows' structure.
        functional: names the column with the level that all else is measured against, if it has one.
    """
    grid = grid_of(structure)
    names, fixed = _fixed_effects(structure, functional, grid)
    if grid.arms == 1:
        return ModelSpace(grid, names, fixed, {}, {"cell": np.ones((1, 1))})
    example = np.zeros(grid.arms, dtype=np.int64)
    example[grid.arm] = np.arange(structure.rows)

    def at_arm(column: Column) -> Float[np.ndarray, " arms"]:
        return column.array[example]

    groups: dict[str, Float[np.ndarray, "arms arms"]] = {}
    arm_columns = structure.of("arm")
    if len(arm_columns) > 1:
        groups |= {f"arm{index}": _same(at_arm(column)) for index, column in enumerate(arm_columns)}
    traits = [_same(at_arm(column)) for column in structure.of("trait")]
    if traits:
        groups["traits"] = np.mean(traits, axis=0)
        products = [traits[i] * traits[j] for i in range(len(traits)) for j in range(i)]
        if products:
            groups["trait_pairs"] = np.mean(products, axis=0)
    switches = structure.of("switch")
    if switches:
        on = np.stack([at_arm(column) for column in switches], axis=1)
        groups |= dict(zip(("switches", "switch_pairs", "switch_triples"), switch_kernels(on), strict=False))
        # things present may average rather than add up, and where few are present anything may happen
        share = on / np.maximum(on.sum(1, keepdims=True), 1)
        groups["switch_shares"] = share @ share.T
        groups["few_switches"] = np.diag(0.5 ** on.sum(1))
    removed = functional.measured_against
    if removed is not None:
        # what a removal does is peculiar to it; the full run, against which all are measured, has no such deviation
        groups["removal"] = np.diag((structure[removed][example] > 0).astype(np.float64))
    identity = np.eye(grid.arms)
    common = {**groups, "arm": identity}
    own = {name: kernel for name, kernel in groups.items() if name not in ("switch_triples", "trait_pairs")}
    return ModelSpace(grid, names, fixed, common, {"replicate": np.ones_like(identity), **own, "cell": identity})


def _fixed_effects(
    structure: Structure, functional: Functional, grid: Grid
) -> tuple[tuple[str, ...], Float[np.ndarray, "arms replicates effects"]]:
    columns = {"intercept": np.ones(structure.rows)}
    switches = structure.of("switch")
    if switches:
        on = np.stack([column.array for column in switches], axis=1)
        position = np.linspace(-1.0, 1.0, len(switches)) if len(switches) > 1 else np.zeros(1)
        columns["switches_on"] = on.mean(1) - 0.5
        # the first of several things present often matters most
        columns["switches_curve"] = (on.mean(1) - 0.5) ** 2
        columns["switches_none"] = (on.sum(1) == 0).astype(np.float64)
        if len(switches) > 1:
            columns["switch_position"] = (on - 0.5) @ position / len(switches)
    removed = functional.measured_against
    if removed is not None:
        columns["removed"] = (structure[removed] > 0).astype(np.float64)
    # a property of what was removed says nothing about the full run
    described = np.ones(structure.rows, dtype=bool) if removed is None else structure[removed] > 0
    for column in structure.of("covariate"):
        centre, spread = column.array[described].mean(), column.array[described].std()
        if spread > 0:
            covariate = np.where(described, (column.array - centre) / spread, 0.0)
            columns[f"covariate.{column.name}"] = covariate
            of_arm = (np.bincount(grid.arm, covariate) / np.bincount(grid.arm))[grid.arm]
            if not np.allclose(of_arm, of_arm[0]) and not np.allclose(of_arm, covariate):
                # what goes with it among arms may be the reverse of what goes with it within them (Mundlak, 1978)
                columns[f"covariate.{column.name}.of_arm"] = of_arm
    used = {name: column for name, column in columns.items() if name == "intercept" or np.ptp(column) > 0}
    fixed = grid.spread(np.stack(list(used.values())))
    return tuple(used), np.moveaxis(fixed, 0, -1)
