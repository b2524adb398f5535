"""Replicates that were seen at the same arms: what they say of what all share, and what they leave open.

Given what all replicates share, they are independent of one another. So conditioning costs one factorisation a
distinct pattern of seen arms, and none where many arms are exchangeable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpstrf

from istar.executors.statistician.arithmetic import Arithmetic
from istar.executors.statistician.table_model.exchangeable import Exchangeable

if TYPE_CHECKING:
    from istar.executors.statistician.table_model.process import Process


def square_root(matrix: Float[np.ndarray, "n n"], floor: float) -> Float[np.ndarray, "n rank"]:
    """Return F with F F' = matrix up to a remainder whose variances are all at most `floor`, of the least rank."""
    if len(matrix) == 0:
        return np.zeros((0, 0))
    packed, pivots, rank, _ = dpstrf(np.asfortranarray(matrix), tol=max(floor, 0.0), lower=1)
    root = np.zeros((len(matrix), rank))
    root[pivots - 1] = np.tril(packed)[:, :rank]
    return root


@dataclass(frozen=True)
class ReplicateGroup:
    """Replicates of which the same is believed before values are known.

    Attributes:
        replicates: which replicates.
        own: covariance over arms of what is peculiar to each of them.
        common_root: how the arms depend on the coordinates of what is common to all replicates.
    """

    replicates: Int[np.ndarray, " same"]
    own: Float[np.ndarray, "arms arms"]
    common_root: Float[np.ndarray, "arms rank"]


def same_columns(mask: Bool[np.ndarray, "arms replicates"]) -> list[Int[np.ndarray, " same"]]:
    """Return the replicates grouped by equal columns of a mask."""
    _, group = np.unique(np.packbits(mask, axis=0).T, axis=0, return_inverse=True)
    return [np.flatnonzero(group.reshape(-1) == index) for index in range(int(group.max()) + 1)]


def information(
    factor: Float[np.ndarray, "seen seen"],
    design: Float[np.ndarray, "seen same effects"],
    root: Float[np.ndarray, "seen rank"],
    rest: Float[np.ndarray, "seen same"],
    arithmetic: Arithmetic,
) -> tuple[Float[np.ndarray, "size size"], Float[np.ndarray, " size"], float]:
    """Return what cells of alike replicates say of the shared coordinates: precision, its pull, and their square.

    Args:
        factor: Cholesky factor of the cells' own covariance in one replicate.
        design: how the cells depend on the fixed effects' coordinates.
        root: how they depend on the common part's coordinates.
        rest: the cells' values beyond their prior mean.
        arithmetic: where the operations are counted.
    """
    seen, same, effects = design.shape
    rank = root.shape[1]
    common = solve_triangular(factor, root, lower=True, check_finite=False)
    fixed = solve_triangular(factor, design.reshape(seen, -1), lower=True, check_finite=False)
    fixed = fixed.reshape(seen, same, effects)
    white = solve_triangular(factor, rest, lower=True, check_finite=False)
    flat = fixed.reshape(-1, effects)
    cross = fixed.sum(1).T @ common
    precision = np.block([[flat.T @ flat, cross], [cross.T, same * (common.T @ common)]])
    shift = np.concatenate([flat.T @ white.reshape(-1), common.T @ white.sum(1)])
    arithmetic.triangular_solve(seen, rank + same * (effects + 1))
    arithmetic.matmul(rank, seen, rank)
    return precision, shift, float((white**2).sum())


@dataclass(frozen=True)
class Pattern:
    """Replicates that were observed at the same arms, and what they share.

    Attributes:
        replicates: which replicates.
        seen: the observed arms.
        regression: E[h(all arms) | h(seen arms)] as a matrix.
        remainder: covariance of h that remains.
        lift: how the unexplained part of every cell depends on g's coordinates.
        fixed_lift: the same for the fixed effects' coordinates, replicate by replicate.
        alike: the covariance that remains of the other arms, where it is that of many exchangeable ones.
    """

    replicates: Int[np.ndarray, " same"]
    seen: Int[np.ndarray, " seen"]
    regression: Float[np.ndarray, "arms seen"]
    remainder: Float[np.ndarray, "arms arms"]
    lift: Float[np.ndarray, "arms rank"]
    fixed_lift: Float[np.ndarray, "same arms effects"]
    alike: Exchangeable | None = None


Information = tuple[Float[np.ndarray, "size size"], Float[np.ndarray, " size"], float]
"""What cells say of the shared coordinates: precision, its pull, and their square."""


def look(
    process: Process,
    group: ReplicateGroup,
    replicates: Int[np.ndarray, " same"],
    seen: Int[np.ndarray, " seen"],
    rest: Float[np.ndarray, "seen same"],
) -> tuple[Pattern, Information]:
    """Return what replicates seen at the same arms leave open, and what they say.

    Args:
        process: the belief before.
        group: what is believed of each of the replicates.
        replicates: which they are.
        seen: the arms.
        rest: the cells' values beyond their prior mean.
    """
    own, root, count, arms = group.own, group.common_root, process.arithmetic, process.grid.arms
    design = np.moveaxis(process.design[:, replicates], 1, 0)
    factor = np.linalg.cholesky(own[np.ix_(seen, seen)])
    said = information(factor, process.design[np.ix_(seen, replicates)], root[seen], rest, count)
    regression = cho_solve((factor, True), own[seen], check_finite=False).T
    remainder = own - regression @ own[seen]
    remainder[seen] = 0.0
    remainder[:, seen] = 0.0
    lift = root - regression @ root[seen]
    fixed_lift = design - np.einsum("as,rse->rae", regression, design[:, seen])
    count.cholesky(len(seen))
    count.triangular_solve(len(seen), 2 * arms)
    count.matmul(arms, len(seen), arms + process.rank + process.effects * len(replicates))
    return Pattern(replicates, seen, regression, remainder, lift, fixed_lift), said


def look_at_alike(
    process: Process,
    group: ReplicateGroup,
    alike: Exchangeable,
    replicates: Int[np.ndarray, " same"],
    seen: Int[np.ndarray, " seen"],
    rest: Float[np.ndarray, "seen same"],
) -> tuple[Pattern, Information]:
    """Return the same as `look` for many exchangeable arms, without any factorisation."""
    root, count, arms = group.common_root, process.arithmetic, process.grid.arms
    design = np.moveaxis(process.design[:, replicates], 1, 0)
    seen_root, seen_design = root[seen], design[:, seen]
    fixed = sum((alike.product(each, each) for each in seen_design), np.zeros((process.effects, process.effects)))
    cross = alike.product(seen_design.sum(0), seen_root)
    common = len(replicates) * alike.product(seen_root, seen_root)
    pull = sum(
        (alike.product(each, values[:, None])[:, 0] for each, values in zip(seen_design, rest.T, strict=True)),
        np.zeros(process.effects),
    )
    common_pull = alike.product(seen_root, rest.sum(1)[:, None])[:, 0]
    square = float(np.trace(alike.product(rest, rest)))
    said = np.block([[fixed, cross], [cross.T, common]]), np.concatenate([pull, common_pull]), square
    unseen = np.setdiff1d(np.arange(arms), seen)
    slope, left = alike.slope(len(seen)), alike.given(len(seen))
    regression = np.zeros((arms, len(seen)))
    regression[unseen] = slope
    regression[seen, np.arange(len(seen))] = 1.0
    remainder = np.zeros((arms, arms))
    remainder[np.ix_(unseen, unseen)] = left.matrix(len(unseen))
    lift, fixed_lift = np.zeros_like(root), np.zeros_like(design)
    lift[unseen] = root[unseen] - slope * seen_root.sum(0)
    fixed_lift[:, unseen] = design[:, unseen] - slope * seen_design.sum(1, keepdims=True)
    same, wide = len(replicates), process.rank + process.effects
    count.matmul(process.rank, len(seen), process.rank + 1)
    count.matmul(process.effects, len(seen), same * (wide + 1))
    count.elementwise(arms * (process.rank + same * process.effects), 2)
    return Pattern(replicates, seen, regression, remainder, lift, fixed_lift, left), said
