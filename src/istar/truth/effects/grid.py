"""A question's rows as a grid of arms by replicates, whatever the task.

An arm is one combination of arm and switch columns, a replicate one combination of nuisance columns. Rows without
any replicate structure (a stream of sequences) are the replicates of a single arm. Cells may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from istar.questions import Structure, grid_groups


@dataclass(frozen=True)
class Grid:
    """The grid of a structure.

    Attributes:
        arm: arm of each row.
        replicate: replicate of each row.
        row: the row of each cell, -1 where the cell is missing.
    """

    arm: Int[np.ndarray, " rows"]
    replicate: Int[np.ndarray, " rows"]
    row: Int[np.ndarray, "arms replicates"]

    @property
    def arms(self) -> int:
        """The number of arms."""
        return int(self.row.shape[0])

    @property
    def replicates(self) -> int:
        """The number of replicates."""
        return int(self.row.shape[1])

    @property
    def present(self) -> Bool[np.ndarray, "arms replicates"]:
        """Which cells have a row."""
        return self.row >= 0

    def spread(self, column: Float[np.ndarray, "*lead rows"]) -> Float[np.ndarray, "*lead arms replicates"]:
        """Return a column of rows as a grid, 0 in missing cells."""
        filled = np.zeros((*column.shape[:-1], self.arms, self.replicates), dtype=column.dtype)
        filled[..., self.arm, self.replicate] = column
        return filled

    def gather(self, grid: Float[np.ndarray, "*lead arms replicates"]) -> Float[np.ndarray, "*lead rows"]:
        """Return the cells of a grid as a column of rows."""
        gathered: Float[np.ndarray, "*lead rows"] = grid[..., self.arm, self.replicate]
        return gathered


def within_replicates(
    columns: Float[np.ndarray, "rows columns"], replicate: Int[np.ndarray, " rows"]
) -> Float[np.ndarray, "rows columns"]:
    """Return deviations from the mean over each replicate, or from the mean where no replicate has two rows."""
    count = np.bincount(replicate)
    if count.max(initial=0) <= 1:
        replicate, count = np.zeros_like(replicate), np.array([len(replicate)])
    means = np.stack([np.bincount(replicate, column) / np.maximum(count, 1) for column in columns.T], axis=1)
    deviations: Float[np.ndarray, "rows columns"] = columns - means[replicate]
    return deviations


def grid_of(structure: Structure) -> Grid:
    """Return the grid of a structure; rows that share arm and replicate become replicates of their own."""
    arm, replicate = grid_groups(structure)
    stream = int(replicate.max()) == 0 and not structure.of("switch") and not structure.of("trait")
    if stream:
        arm, replicate = np.zeros(structure.rows, dtype=np.int64), np.arange(structure.rows)
    order = np.lexsort((np.arange(structure.rows), replicate, arm))
    same = np.r_[False, (np.diff(arm[order]) == 0) & (np.diff(replicate[order]) == 0)]
    if same.any():
        start = np.maximum.accumulate(np.where(same, 0, np.arange(structure.rows)))
        copy = np.empty(structure.rows, dtype=np.int64)
        copy[order] = np.arange(structure.rows) - start
        replicate = np.unique(np.stack([replicate, copy]), axis=1, return_inverse=True)[1].reshape(-1)
    row = np.full((int(arm.max()) + 1, int(replicate.max()) + 1), -1, dtype=np.int64)
    row[arm, replicate] = np.arange(structure.rows)
    return Grid(arm, replicate, row)
